// Content-shaped placeholders. They appear only after 200 ms (by CSS): most answers are there before.

import { For } from 'solid-js'
import './waiting.css'

export function Waiting(props: { rows: number; label: string }) {
  return (
    <div class="waiting" role="status" aria-label={props.label}>
      <For each={Array.from({ length: props.rows }, (_, index) => index)}>
        {(index) => (
          <div class="waiting-row">
            <span class="waiting-face" />
            <span class={`waiting-words waiting-words-${index % 3}`} />
          </div>
        )}
      </For>
    </div>
  )
}
