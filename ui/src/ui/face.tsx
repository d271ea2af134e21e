// A person or a room as initials on a colour of their own, and whether the person is there.

import { Show } from 'solid-js'
import './face.css'

/** How many face colours theme.css has. */
const HUES = 8

/** The same name has the same colour on every computer. */
export function hueOf(name: string): number {
  let hash = 0
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0
  return hash % HUES
}

/** One or two letters for a name; the last character of a Chinese one, which is what people there are called by. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u).filter(Boolean)
  const first = [...(words[0] ?? '')]
  if (first.length === 0) return '?'
  if (/\p{Script=Han}/u.test(first[0] ?? '')) return first.at(-1) ?? '?'
  const second = words.length > 1 ? [...(words.at(-1) ?? '')][0] : undefined
  return `${first[0]}${second ?? ''}`.toLocaleUpperCase()
}

interface FaceProps {
  name: string
  room?: boolean
  size?: 'small' | 'normal' | 'large'
  available?: boolean
}

export function Face(props: FaceProps) {
  return (
    <span
      class={`face face-${props.size ?? 'normal'} face-hue-${hueOf(props.name)}`}
      classList={{ 'face-room': props.room }}
      aria-hidden="true"
    >
      <span class="face-letters">{initials(props.name)}</span>
      <Show when={props.available !== undefined}>
        <span class="face-dot" classList={{ 'face-dot-available': props.available }} />
      </Show>
    </span>
  )
}
