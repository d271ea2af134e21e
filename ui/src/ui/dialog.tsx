// What lies over the window: a sheet with a title, and a question that is asked once. Kobalte keeps the focus inside and gives it
// back to whatever had it.

import { AlertDialog } from '@kobalte/core/alert-dialog'
import { Dialog as Base } from '@kobalte/core/dialog'
import { X } from 'lucide-solid'
import { type JSX, type ParentProps, Show } from 'solid-js'
import { useI18n } from '../i18n'
import { ids } from '../testids'
import { Button } from './button'
import { focusFirst, returnFocus } from './focus'
import './dialog.css'

interface SheetProps extends ParentProps {
  open: boolean
  onClose: () => void
  title: string
  /** Said under the title. */
  lead?: string
  wide?: boolean
  testid?: string
}

export function Sheet(props: SheetProps) {
  const { t } = useI18n()
  const giveBack = returnFocus()
  return (
    <Base open={props.open} onOpenChange={(open) => !open && props.onClose()}>
      <Base.Portal>
        <Base.Overlay class="backdrop" />
        <div class="sheet-place">
          <Base.Content
            tabIndex={-1}
            onOpenAutoFocus={focusFirst}
            onCloseAutoFocus={giveBack}
            class="sheet"
            classList={{ 'sheet-wide': props.wide }}
            data-testid={props.testid}
          >
            <header class="sheet-header">
              <Base.Title class="sheet-title">{props.title}</Base.Title>
              <Base.CloseButton class="icon-button icon-button-normal" aria-label={t('common.close')}>
                <X size={18} aria-hidden="true" />
              </Base.CloseButton>
            </header>
            <Show when={props.lead}>
              <Base.Description class="sheet-lead">{props.lead}</Base.Description>
            </Show>
            {props.children}
          </Base.Content>
        </div>
      </Base.Portal>
    </Base>
  )
}

interface QuestionProps {
  open: boolean
  onClose: () => void
  title: string
  lead: JSX.Element
  confirm: string
  onConfirm: () => void
}

/** Asks once before something that cannot be undone. */
export function Question(props: QuestionProps) {
  const { t } = useI18n()
  let giveBack: (event: Event) => void = () => {}
  return (
    <AlertDialog open={props.open} onOpenChange={(open) => !open && props.onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Overlay class="backdrop" />
        <div class="sheet-place">
          <AlertDialog.Content
            class="sheet sheet-small"
            onOpenAutoFocus={() => {
              giveBack = returnFocus()
            }}
            onCloseAutoFocus={(event) => giveBack(event)}
          >
            <AlertDialog.Title class="sheet-title">{props.title}</AlertDialog.Title>
            <AlertDialog.Description class="sheet-lead">{props.lead}</AlertDialog.Description>
            <div class="sheet-actions">
              <Button onClick={() => props.onClose()}>{t('common.cancel')}</Button>
              <Button
                look="danger"
                testid={ids.confirm}
                onClick={() => {
                  props.onClose()
                  props.onConfirm()
                }}
              >
                {props.confirm}
              </Button>
            </div>
          </AlertDialog.Content>
        </div>
      </AlertDialog.Portal>
    </AlertDialog>
  )
}
