// The call's chat: said to everybody who is connected, kept by nobody.

import { SendHorizontal, X } from 'lucide-solid'
import { createEffect, createSignal, For, on, onMount, Show } from 'solid-js'
import { isComposing } from '../../composer/Composer'
import { useI18n } from '../../i18n'
import { IconButton } from '../../ui/button'
import { useGuest } from '../state/context'
import { ids } from '../testids'
import { isChat } from '../wire/pair'
import { useWords } from '../words'
import '../../composer/composer.css'

export function Chat(props: { onClose: () => void }) {
  const { t, format } = useI18n()
  const w = useWords()
  const { call } = useGuest()
  const [text, setText] = createSignal('')
  const [problem, setProblem] = createSignal<'nobody' | 'tooLong'>()
  let list!: HTMLOListElement
  let box!: HTMLTextAreaElement

  // What is new is at the end, and that is where one looks.
  createEffect(
    on(
      () => call.state.messages.length,
      () => queueMicrotask(() => list.scrollTo({ top: list.scrollHeight })),
    ),
  )
  onMount(() => box.focus({ preventScroll: true }))

  function send(): void {
    const words = text().trim()
    if (words === '') return
    if (!isChat(words)) return void setProblem('tooLong')
    if (!call.chat(words)) return void setProblem('nobody')
    setProblem(undefined)
    setText('')
    box.focus()
  }

  return (
    <aside class="chat" aria-label={w('chat.title')} data-testid={ids.chatPanel}>
      <header class="chat-head">
        <h2>{w('chat.title')}</h2>
        <IconButton
          icon={X}
          label={w('chat.close')}
          shortcut="Escape"
          placement="left"
          onClick={props.onClose}
        />
      </header>
      <p class="chat-lead">{w('chat.lead')}</p>
      <ol class="chat-list" ref={list} aria-live="polite">
        <For each={call.state.messages}>
          {(message) => (
            <li
              class="chat-message"
              classList={{ 'chat-own': message.own }}
              data-testid={ids.chatMessage}
              data-own={String(message.own)}
            >
              <p class="chat-who">
                <span class="chat-name">
                  {message.own ? t('common.you') : message.name || w('call.somebody')}
                </span>
                <time>{format.time(message.at)}</time>
              </p>
              <p class="chat-text" dir="auto">
                {message.text}
              </p>
            </li>
          )}
        </For>
      </ol>
      <form
        class="chat-form"
        onSubmit={(event) => {
          event.preventDefault()
          send()
        }}
      >
        <Show when={problem()}>
          {(why) => (
            <p class="field-error" role="alert">
              {w(`chat.${why()}`)}
            </p>
          )}
        </Show>
        <div class="composer-box">
          <textarea
            ref={box}
            class="composer-text"
            rows={2}
            value={text()}
            placeholder={w('chat.write')}
            aria-label={w('chat.write')}
            dir="auto"
            data-testid={ids.chatText}
            onInput={(event) => {
              setText(event.currentTarget.value)
              setProblem(undefined)
            }}
            onKeyDown={(event) => {
              if (isComposing(event) || event.key !== 'Enter' || event.shiftKey) return
              event.preventDefault()
              send()
            }}
          />
          <IconButton
            icon={SendHorizontal}
            label={w('chat.send')}
            shortcut="Enter"
            disabled={text().trim() === ''}
            onClick={send}
            testid={ids.chatSend}
          />
        </div>
      </form>
    </aside>
  )
}
