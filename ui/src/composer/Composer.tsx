// Where one writes. Enter sends, Shift+Enter begins a line, and neither while an input method composes. It grows to eight lines.
// What was begun in a room waits there while one looks elsewhere.

import { SendHorizontal } from 'lucide-solid'
import { createEffect, createSignal, on, onCleanup, onMount } from 'solid-js'
import type { RoomSummary } from '../backend/bindings/RoomSummary'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { IconButton } from '../ui/button'
import { drafts } from './drafts'
import { createTypist } from './typist'
import './composer.css'

/** The server stores 64 KiB of content; a character may take four bytes, and JSON some more. */
const MAX_CHARACTERS = 15_000
const MAX_LINES = 8

/** Whether a key belongs to an input method that is composing, Safari's late Enter (229) included. */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229
}

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

  function key(event: KeyboardEvent): void {
    if (isComposing(event)) return
    if (event.key === 'Enter' && !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault()
      send()
    } else if (
      event.key === 'ArrowUp' &&
      text() === '' &&
      !event.altKey &&
      !event.ctrlKey &&
      !event.metaKey
    ) {
      const rows = document.querySelectorAll<HTMLElement>('.timeline .row')
      const last = rows[rows.length - 1]
      if (last) {
        event.preventDefault()
        last.focus()
      }
    }
  }

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <div class="composer-box">
        <textarea
          ref={box}
          class="composer-text"
          rows={1}
          value={text()}
          placeholder={t('composer.placeholder', props.room.name)}
          aria-label={t('composer.placeholder', props.room.name)}
          dir="auto"
          data-testid={ids.composer}
          onInput={(event) => write(event.currentTarget.value)}
          onKeyDown={key}
        />
        <IconButton
          icon={SendHorizontal}
          label={t('composer.send')}
          shortcut="Enter"
          disabled={text().trim() === ''}
          onClick={send}
          testid={ids.composerSend}
        />
      </div>
    </form>
  )
}
