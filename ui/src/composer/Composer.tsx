// Where one writes in a room. It grows to eight lines. What was begun in a room waits there while one looks elsewhere.

import { createEffect, createSignal, on, onCleanup, onMount } from 'solid-js'
import type { RoomSummary } from '../backend/bindings/RoomSummary'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { WriteBox } from '../ui/write-box'
import { drafts } from './drafts'
import { createTypist } from './typist'
import './composer.css'

/** The server stores 64 KiB of content; a character may take four bytes, and JSON some more. */
const MAX_CHARACTERS = 15_000
const MAX_LINES = 8

export function Composer(props: { room: RoomSummary }) {
  const { t } = useI18n()
  const app = useApp()
  const [text, setText] = createSignal('')
  const typist = createTypist((room, active) => {
    app.backend.typing(room, active).catch((thrown) => console.warn('cannot say that we type', thrown))
  })
  let box!: HTMLTextAreaElement

  createEffect(
    on(
      () => props.room.id,
      (room) => {
        setText(drafts.get(room))
        queueMicrotask(grow)
        if (!matchMedia('(pointer: coarse)').matches) box.focus({ preventScroll: true })
        onCleanup(() => typist.stop(room))
      },
    ),
  )

  function grow(): void {
    // Behind another pane nothing can be measured; the observer calls again when it is shown.
    if (box.offsetWidth === 0) return
    const style = getComputedStyle(box)
    const line = Number.parseFloat(style.lineHeight) || 22
    const padding = Number.parseFloat(style.paddingTop) + Number.parseFloat(style.paddingBottom) || 0
    box.style.height = 'auto'
    box.style.height = `${Math.min(box.scrollHeight, Math.round(line * MAX_LINES + padding))}px`
  }

  onMount(() => {
    let width = 0
    const observer = new ResizeObserver(() => {
      if (box.offsetWidth === width) return
      width = box.offsetWidth
      grow()
    })
    observer.observe(box)
    onCleanup(() => observer.disconnect())
  })

  function write(next: string): void {
    setText(next)
    drafts.set(props.room.id, next)
    if (next.trim() === '') typist.stop(props.room.id)
    else typist.typed(props.room.id)
    grow()
  }

  function send(): void {
    const words = text().trim()
    const room = props.room.id
    if (words === '') return
    if (words.length > MAX_CHARACTERS) {
      app.notes.tell({ code: 'too_large', detail: `${words.length} characters` })
      return
    }
    write('')
    box.value = ''
    grow()
    app.backend.send(room, words).then(
      () => app.timelines.changed(room),
      (thrown) => {
        app.notes.tell(thrown)
        // Nothing that was written is lost: it comes back unless something else was begun meanwhile.
        if (drafts.get(room) !== '') return
        drafts.set(room, words)
        if (props.room.id === room) {
          setText(words)
          queueMicrotask(grow)
        }
      },
    )
  }

  /** Up, from an empty box, goes to what was said last. */
  function key(event: KeyboardEvent): void {
    if (event.key !== 'ArrowUp' || text() !== '' || event.altKey || event.ctrlKey || event.metaKey) return
    const rows = document.querySelectorAll<HTMLElement>('.timeline .row')
    const last = rows[rows.length - 1]
    if (!last) return
    event.preventDefault()
    last.focus()
  }

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <WriteBox
        ref={(element) => {
          box = element
        }}
        label={t('composer.placeholder', props.room.name)}
        send={t('composer.send')}
        rows={1}
        value={text()}
        disabled={text().trim() === ''}
        onInput={write}
        onSend={send}
        onKey={key}
        testid={ids.composer}
        sendTestid={ids.composerSend}
      />
    </form>
  )
}
