// A text to hand on, with a button that copies it and says so.

import { Check, Copy } from 'lucide-solid'
import { createSignal, onCleanup } from 'solid-js'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { Button } from './button'
import './copy-line.css'

/** How long "Copied" is shown. */
const COPIED_MS = 2_000

export function CopyLine(props: { text: string; label: string }) {
  const { t } = useI18n()
  const { backend, notes } = useApp()
  const [copied, setCopied] = createSignal(false)
  let timer: ReturnType<typeof setTimeout> | undefined
  onCleanup(() => clearTimeout(timer))

  async function copy(): Promise<void> {
    try {
      await backend.copyText(props.text)
      setCopied(true)
      clearTimeout(timer)
      timer = setTimeout(() => setCopied(false), COPIED_MS)
    } catch (thrown) {
      notes.tell(thrown)
    }
  }

  return (
    <div class="copy-line">
      <input
        class="field-input copy-line-text"
        readOnly
        value={props.text}
        aria-label={props.label}
        data-testid={ids.inviteLink}
        onFocus={(event) => event.currentTarget.select()}
      />
      <Button
        look="primary"
        icon={copied() ? Check : Copy}
        onClick={() => void copy()}
        testid={ids.inviteCopy}
      >
        <span aria-live="polite">{copied() ? t('common.copied') : t('common.copy')}</span>
      </Button>
    </div>
  )
}
