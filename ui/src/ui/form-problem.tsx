// What went wrong with a whole form, above its button.

import { CircleAlert } from 'lucide-solid'
import { Show } from 'solid-js'
import type { Problem } from '../backend/bindings/Problem'
import { useI18n } from '../i18n'
import { ids } from '../testids'
import './field.css'

export function FormProblem(props: { problem: Problem | null }) {
  const i18n = useI18n()
  return (
    <Show when={props.problem}>
      {(problem) => (
        <p class="form-problem" role="alert" data-testid={ids.formError} data-code={problem().code}>
          <CircleAlert size={18} aria-hidden="true" />
          {i18n.problem(problem())}
        </p>
      )}
    </Show>
  )
}
