// A box to write in, with its button. Enter sends, Shift+Enter begins a line, and neither while an input method composes.

import { SendHorizontal } from 'lucide-solid'
import { IconButton } from './button'
import { isComposing } from './composing'
import './write-box.css'

interface WriteBoxProps {
  ref: (box: HTMLTextAreaElement) => void
  /** What is written here, and to whom. */
  label: string
  /** What the button is called. */
  send: string
  rows: number
  value: string
  disabled: boolean
  onInput: (text: string) => void
  onSend: () => void
  /** Keys that are not for the box itself. */
  onKey?: (event: KeyboardEvent) => void
  testid: string
  sendTestid: string
}

export function WriteBox(props: WriteBoxProps) {
  function key(event: KeyboardEvent): void {
    if (isComposing(event)) return
    const plain = !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey
    if (event.key === 'Enter' && plain) {
      event.preventDefault()
      props.onSend()
    } else {
      props.onKey?.(event)
    }
  }
  return (
    <div class="write-box">
      <textarea
        ref={props.ref}
        class="write-text"
        rows={props.rows}
        value={props.value}
        placeholder={props.label}
        aria-label={props.label}
        dir="auto"
        data-testid={props.testid}
        onInput={(event) => props.onInput(event.currentTarget.value)}
        onKeyDown={key}
      />
      <IconButton
        icon={SendHorizontal}
        label={props.send}
        shortcut="Enter"
        disabled={props.disabled}
        onClick={() => props.onSend()}
        testid={props.sendTestid}
      />
    </div>
  )
}
