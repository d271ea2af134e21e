// The frame of every screen but the call: a card in the middle, and the languages below it.

import { type JSX, type ParentProps, Show } from 'solid-js'
import type { Icon } from '../../ui/button'
import { Languages } from '../../ui/languages'
import { remembered } from '../remembered'
import '../../start/start.css'

export function Card(props: ParentProps<{ wide?: boolean }>) {
  return (
    <main class="start">
      <div class="start-card" classList={{ 'guest-wide': props.wide }}>
        {props.children}
      </div>
      <Languages onPick={remembered.setLanguage} />
    </main>
  )
}

/** A card that says one thing: a sign, a heading, a sentence, and at most one act. */
export function Notice(props: {
  icon: Icon
  danger?: boolean
  title: string
  lead: string
  action?: JSX.Element
}) {
  return (
    <Card>
      <span class="start-mark" classList={{ 'start-mark-danger': props.danger }}>
        {props.icon({ size: 28, 'aria-hidden': true })}
      </span>
      <h1 class="start-heading" role="status">
        {props.title}
      </h1>
      <p class="start-lead">{props.lead}</p>
      <Show when={props.action}>
        <div class="guest-actions">{props.action}</div>
      </Show>
    </Card>
  )
}
