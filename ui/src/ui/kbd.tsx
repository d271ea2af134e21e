// A shortcut as the reader's keyboard writes it. Written in code as `Control+Shift+h`; on a Mac the command key takes Control's place.

import { For } from 'solid-js'

const mac = /mac/i.test(navigator.platform)

const names: Record<string, string> = {
  Control: mac ? '⌘' : 'Ctrl',
  Shift: mac ? '⇧' : 'Shift',
  Alt: mac ? '⌥' : 'Alt',
  Enter: '↵',
  Escape: 'Esc',
  ArrowUp: '↑',
  ArrowDown: '↓',
}

/** The keys of a shortcut, worded. */
export function keyNames(keys: string): string[] {
  return keys.split('+').map((key) => names[key] ?? (key.length === 1 ? key.toUpperCase() : key))
}

export function Kbd(props: { keys: string }) {
  return (
    <span class="kbd">
      <For each={keyNames(props.keys)}>{(name) => <kbd>{name}</kbd>}</For>
    </span>
  )
}
