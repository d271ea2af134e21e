// Buttons. A button with an icon alone has a name for screen readers and a tooltip that also shows its shortcut.

import { Tooltip } from '@kobalte/core/tooltip'
import { LoaderCircle } from 'lucide-solid'
import { type Component, createSignal, type JSX, Show, splitProps } from 'solid-js'
import { Kbd } from './kbd'
import './button.css'

export type Icon = Component<{ size?: number | string; 'aria-hidden'?: boolean }>

interface ButtonProps extends JSX.ButtonHTMLAttributes<HTMLButtonElement> {
  look?: 'primary' | 'plain' | 'danger' | 'good'
  icon?: Icon
  /** Work is going on: shows it and takes no clicks, but keeps the focus. */
  busy?: boolean
  testid?: string
}

export function Button(props: ButtonProps) {
  const [own, rest] = splitProps(props, ['look', 'icon', 'busy', 'testid', 'children', 'class', 'onClick'])
  return (
    <button
      type="button"
      {...rest}
      class={`button button-${own.look ?? 'plain'} ${own.class ?? ''}`}
      data-testid={own.testid}
      aria-busy={own.busy || undefined}
      onClick={(event) => {
        if (own.busy) event.preventDefault()
        else if (typeof own.onClick === 'function') own.onClick(event)
      }}
    >
      <Show
        when={own.busy}
        fallback={<Show when={own.icon}>{(icon) => icon()({ size: 18, 'aria-hidden': true })}</Show>}
      >
        <LoaderCircle size={18} class="spinner" aria-hidden="true" />
      </Show>
      {own.children}
    </button>
  )
}

interface IconButtonProps {
  icon: Icon
  label: string
  shortcut?: string
  onClick: (event: MouseEvent) => void
  disabled?: boolean
  pressed?: boolean
  expanded?: boolean
  size?: 'small' | 'normal' | 'large'
  look?: 'plain' | 'danger' | 'good' | 'off' | 'stage'
  placement?: 'top' | 'bottom' | 'left' | 'right'
  testid?: string
  tabIndex?: number
}

export function IconButton(props: IconButtonProps) {
  // A click has answered what the tooltip says. Without this one that was about to open lies over whatever the click opened, and takes
  // the Escape that was meant for that.
  const [open, setOpen] = createSignal(false)
  let answered = false
  const asked = () => {
    answered = false
  }
  return (
    <Tooltip
      open={open()}
      onOpenChange={(wanted) => setOpen(wanted && !answered)}
      openDelay={500}
      closeDelay={0}
      placement={props.placement ?? 'top'}
      gutter={6}
    >
      <Tooltip.Trigger
        type="button"
        class={`icon-button icon-button-${props.size ?? 'normal'} icon-button-${props.look ?? 'plain'}`}
        aria-label={props.label}
        aria-pressed={props.pressed}
        aria-expanded={props.expanded}
        aria-disabled={props.disabled || undefined}
        aria-keyshortcuts={props.shortcut}
        tabIndex={props.tabIndex}
        data-testid={props.testid}
        onPointerEnter={asked}
        onFocus={asked}
        onClick={(event: MouseEvent) => {
          answered = true
          setOpen(false)
          if (!props.disabled) props.onClick(event)
        }}
      >
        {props.icon({ size: 18, 'aria-hidden': true })}
      </Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content class="tooltip">
          {props.label}
          <Show when={props.shortcut}>{(keys) => <Kbd keys={keys()} />}</Show>
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip>
  )
}
