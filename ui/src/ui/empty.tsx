// An empty or failed place: one sentence, one act.

import type { JSX } from 'solid-js'
import type { Icon } from './button'
import './empty.css'

export function Empty(props: { icon: Icon; children: JSX.Element; action?: JSX.Element }) {
  return (
    <div class="empty">
      <span class="empty-icon">{props.icon({ size: 28, 'aria-hidden': true })}</span>
      <p>{props.children}</p>
      {props.action}
    </div>
  )
}
