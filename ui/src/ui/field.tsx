// A line to write on, with its name above and, below, a hint or what is wrong with it.

import { TextField } from '@kobalte/core/text-field'
import { Eye, EyeOff } from 'lucide-solid'
import { createSignal, onMount, Show } from 'solid-js'
import { useI18n } from '../i18n'
import './field.css'

interface FieldProps {
  label: string
  value: string
  onInput: (value: string) => void
  hint?: string
  error?: string
  placeholder?: string
  password?: boolean
  autocomplete?: string
  autofocus?: boolean
  maxLength?: number
  testid?: string
}

export function Field(props: FieldProps) {
  const { t } = useI18n()
  const [shown, setShown] = createSignal(false)
  let input!: HTMLInputElement
  // The attribute alone works once per page in some web views.
  onMount(() => props.autofocus && input.focus({ preventScroll: true }))
  return (
    <TextField
      class="field"
      value={props.value}
      onChange={props.onInput}
      validationState={props.error ? 'invalid' : undefined}
    >
      <TextField.Label class="field-label">{props.label}</TextField.Label>
      <div class="field-box">
        <TextField.Input
          ref={input}
          class="field-input"
          type={props.password && !shown() ? 'password' : 'text'}
          placeholder={props.placeholder}
          autocomplete={props.autocomplete ?? 'off'}
          autofocus={props.autofocus}
          autocapitalize="off"
          spellcheck={false}
          maxLength={props.maxLength}
          data-testid={props.testid}
        />
        <Show when={props.password}>
          <button
            type="button"
            class="icon-button icon-button-small field-eye"
            aria-label={shown() ? t('common.hidePassword') : t('common.showPassword')}
            onClick={() => setShown(!shown())}
          >
            {shown() ? <EyeOff size={18} aria-hidden="true" /> : <Eye size={18} aria-hidden="true" />}
          </button>
        </Show>
      </div>
      <Show when={!props.error && props.hint}>
        <TextField.Description class="field-hint">{props.hint}</TextField.Description>
      </Show>
      <TextField.ErrorMessage class="field-error">{props.error}</TextField.ErrorMessage>
    </TextField>
  )
}
