// A menu that opens from a button.

import { DropdownMenu } from '@kobalte/core/dropdown-menu'
import { For, type JSX, Show } from 'solid-js'
import type { Icon } from './button'
import { Kbd } from './kbd'
import './choice.css'

export interface MenuEntry {
  label: string
  icon: Icon
  onPick: () => void
  shortcut?: string
  danger?: boolean
  testid?: string
}

interface MenuProps {
  /** The button's name, where what it shows is none. */
  label?: string
  class: string
  placement?: 'bottom-start' | 'bottom-end'
  /** A line goes between groups. */
  groups: MenuEntry[][]
  children: JSX.Element
  testid?: string
}

export function Menu(props: MenuProps) {
  const groups = () => props.groups.filter((group) => group.length > 0)
  return (
    <DropdownMenu gutter={4} placement={props.placement ?? 'bottom-end'} modal={false}>
      <DropdownMenu.Trigger
        class={props.class}
        aria-label={props.label}
        title={props.label}
        data-testid={props.testid}
      >
        {props.children}
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content class="menu">
          <For each={groups()}>
            {(group, index) => (
              <>
                <Show when={index() > 0}>
                  <DropdownMenu.Separator class="menu-line" />
                </Show>
                <For each={group}>
                  {(entry) => (
                    <DropdownMenu.Item
                      class="menu-item"
                      classList={{ 'menu-item-danger': entry.danger }}
                      onSelect={entry.onPick}
                      data-testid={entry.testid}
                    >
                      {entry.icon({ size: 18, 'aria-hidden': true })}
                      <span class="menu-label">{entry.label}</span>
                      <Show when={entry.shortcut}>{(keys) => <Kbd keys={keys()} />}</Show>
                    </DropdownMenu.Item>
                  )}
                </For>
              </>
            )}
          </For>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu>
  )
}
