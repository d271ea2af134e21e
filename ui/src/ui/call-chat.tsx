// A call's chat, over the right of its stage: said to everybody who is in the call, kept by nobody.

import { MessageSquare, X } from 'lucide-solid'
import { createEffect, createSignal, For, on, onMount, Show } from 'solid-js'
import { useI18n } from '../i18n'
import { IconButton } from './button'
import { isComposing } from './composing'
import { GuestMark } from './guest-mark'
import { WriteBox } from './write-box'
import './field.css'
import './call-chat.css'

/** What the others take; see MAX_CHAT_CHARS in crates/protocol. */
const MAX_CHARACTERS = 4_000

/** Unlike `length`, this does not count a face twice. */
const countOf = (text: string) => Array.from(text).length

interface CallChatProps {
  lines: readonly {
    own: boolean
    name: string
    guest: boolean
    text: string
    /** Milliseconds since 1970. */
    at: number
  }[]
  /** What somebody is called who told no name. */
  nameless?: string
  /** Why what was written last could not be said. */
  problem?: string
  /** Resolves to whether it was said; what was not comes back into the box. */
  onSay: (words: string) => Promise<boolean>
  /** Something else is being written. */
  onWrite?: () => void
  onClose: () => void
  testids: { panel: string; line: string; text: string; send: string }
}

export function CallChat(props: CallChatProps) {
  const { t, format } = useI18n()
  const [text, setText] = createSignal('')
  const tooLong = () => countOf(text().trim()) > MAX_CHARACTERS
  const problem = () => (tooLong() ? t('call.chat.tooLong') : props.problem)
  let list!: HTMLOListElement
  let box!: HTMLTextAreaElement

  // What is new is at the end, and that is where one looks.
  createEffect(
    on(
      () => props.lines.length,
      () => queueMicrotask(() => list.scrollTo({ top: list.scrollHeight })),
    ),
  )
  onMount(() => box.focus({ preventScroll: true }))

  async function send(): Promise<void> {
    const words = text().trim()
    if (words === '' || tooLong()) return
    setText('')
    box.focus()
    const said = await props.onSay(words)
    // Nothing that was written is lost, unless something else was begun meanwhile.
    if (!said && text() === '') setText(words)
  }

  return (
    <aside
      class="call-chat"
      aria-label={t('call.chat.title')}
      data-testid={props.testids.panel}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || isComposing(event)) return
        event.stopPropagation()
        props.onClose()
      }}
    >
      <header class="call-chat-head">
        <h2>{t('call.chat.title')}</h2>
        <IconButton
          icon={X}
          label={t('common.close')}
          shortcut="Escape"
          placement="left"
          onClick={() => props.onClose()}
        />
      </header>
      <p class="call-chat-lead">{t('call.chat.lead')}</p>
      {/* It scrolls, so it can be reached by the keyboard. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls */}
      <ol class="call-chat-list" ref={list} aria-live="polite" tabIndex={0} aria-label={t('call.chat.title')}>
        <For each={props.lines}>
          {(line) => (
            <li
              class="call-chat-line"
              classList={{ 'call-chat-own': line.own }}
              data-testid={props.testids.line}
              data-own={String(line.own)}
            >
              <p class="call-chat-who">
                <span class="call-chat-name">{line.own ? t('common.you') : line.name || props.nameless}</span>
                <Show when={line.guest}>
                  <GuestMark />
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
          void send()
        }}
      >
        <Show when={problem()}>
          {(words) => (
            <p class="field-error" role="alert">
              {words()}
            </p>
          )}
        </Show>
        <WriteBox
          ref={(element) => {
            box = element
          }}
          label={t('call.chat.write')}
          send={t('call.chat.send')}
          rows={2}
          value={text()}
          disabled={text().trim() === '' || tooLong()}
          onInput={(written) => {
            setText(written)
            props.onWrite?.()
          }}
          onSend={() => void send()}
          testid={props.testids.text}
          sendTestid={props.testids.send}
        />
      </form>
    </aside>
  )
}

interface ChatButtonProps {
  open: boolean
  /** How much came that nobody has looked at. */
  unread: number
  onClick: () => void
  testid: string
}

export function ChatButton(props: ChatButtonProps) {
  const { t } = useI18n()
  return (
    <span class="chat-button">
      <IconButton
        icon={MessageSquare}
        label={props.unread > 0 ? t('call.chat.unread', props.unread) : t('call.chat.title')}
        size="large"
        look="stage"
        pressed={props.open}
        onClick={props.onClick}
        testid={props.testid}
      />
      <Show when={props.unread > 0}>
        <span class="chat-unread" aria-hidden="true">
          {props.unread > 99 ? '99+' : props.unread}
        </span>
      </Show>
    </span>
  )
}
