// The call's chat, beside the pictures: said to everybody who is in the call, kept by nobody.

import { SendHorizontal, X } from 'lucide-solid'
import { createEffect, createSignal, For, on, onMount, Show } from 'solid-js'
import { isComposing } from '../composer/Composer'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { IconButton } from '../ui/button'
import '../composer/composer.css'
import './chat.css'

/** What the others take; see MAX_CHAT_CHARS in crates/protocol. */
const MAX_CHARACTERS = 4_000

/** Unlike `length`, this does not count a face twice. */
const countOf = (text: string) => Array.from(text).length

export function Chat() {
  const { t, format } = useI18n()
  const app = useApp()
  const [text, setText] = createSignal('')
  const tooLong = () => countOf(text().trim()) > MAX_CHARACTERS
  let list!: HTMLOListElement
  let box!: HTMLTextAreaElement

  // What is new is at the end, and that is where one looks.
  createEffect(
    on(
      () => app.chat.lines.length,
      () => queueMicrotask(() => list.scrollTo?.({ top: list.scrollHeight })),
    ),
  )
  onMount(() => box.focus({ preventScroll: true }))

  function send(): void {
    const words = text().trim()
    if (words === '' || tooLong()) return
    setText('')
    box.focus()
    app.backend.sayInCall(words).catch((thrown) => {
      app.notes.tell(thrown)
      // Nothing that was written is lost, unless something else was begun meanwhile.
      if (text() === '') setText(words)
    })
  }

  return (
    <aside
      class="call-chat"
      aria-label={t('call.chat.title')}
      data-testid={ids.callChat}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || isComposing(event)) return
        event.stopPropagation()
        app.chat.setOpen(false)
      }}
    >
      <header class="call-chat-head">
        <h2>{t('call.chat.title')}</h2>
        <IconButton
          icon={X}
          label={t('common.close')}
          shortcut="Escape"
          placement="left"
          onClick={() => app.chat.setOpen(false)}
        />
      </header>
      <p class="call-chat-lead">{t('call.chat.lead')}</p>
      {/* It scrolls, so it can be reached by the keyboard. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls */}
      <ol class="call-chat-list" ref={list} aria-live="polite" tabIndex={0} aria-label={t('call.chat.title')}>
        <For each={app.chat.lines}>
          {(line) => (
            <li
              class="call-chat-line"
              classList={{ 'call-chat-own': line.own }}
              data-testid={ids.callChatLine}
              data-own={String(line.own)}
            >
              <p class="call-chat-who">
                <span class="call-chat-name">{line.own ? t('common.you') : line.name}</span>
                <Show when={line.guest}>
                  <span class="guest-mark">{t('guests.mark')}</span>
                </Show>
                <time>{format.time(line.at)}</time>
              </p>
              <p class="call-chat-text" dir="auto">
                {line.text}
              </p>
            </li>
          )}
        </For>
      </ol>
      <form
        class="call-chat-form"
        onSubmit={(event) => {
          event.preventDefault()
          send()
        }}
      >
        <Show when={tooLong()}>
          <p class="field-error" role="alert">
            {t('call.chat.tooLong')}
          </p>
        </Show>
        <div class="composer-box">
          <textarea
            ref={box}
            class="composer-text"
            rows={2}
            value={text()}
            placeholder={t('call.chat.write')}
            aria-label={t('call.chat.write')}
            dir="auto"
            data-testid={ids.callChatText}
            onInput={(event) => setText(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (isComposing(event) || event.key !== 'Enter' || event.shiftKey) return
              event.preventDefault()
              send()
            }}
          />
          <IconButton
            icon={SendHorizontal}
            label={t('call.chat.send')}
            shortcut="Enter"
            disabled={text().trim() === '' || tooLong()}
            onClick={send}
            testid={ids.callChatSend}
          />
        </div>
      </form>
    </aside>
  )
}
