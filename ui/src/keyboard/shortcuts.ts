// The window's shortcuts: which key does what, once, for the handler and for the sheet that shows them.

import { railLists, walkOrder } from '../rooms/lists'
import type { App } from '../state/app'

export interface Shortcut {
  /** As `aria-keyshortcuts` writes it; on a Mac the command key serves as Control. */
  keys: string
  /** Its sentence: a key of `shortcuts` in the dictionary. */
  does:
    | 'switch'
    | 'previous'
    | 'next'
    | 'newRoom'
    | 'people'
    | 'settings'
    | 'sheet'
    | 'close'
    | 'call'
    | 'hangUp'
    | 'mute'
    | 'camera'
  /** Works also while something lies over the window. */
  always?: boolean
  run: (app: App) => void
}

function walk(app: App, step: 1 | -1): void {
  const order = walkOrder(railLists(app.rooms.value ?? [], app.people.value ?? [], app.account.value?.user))
  if (order.length === 0) return
  const at = order.indexOf(app.view.room() ?? '')
  const next = order[(Math.max(at, step === 1 ? -1 : 0) + step + order.length) % order.length]
  if (next) app.view.show(next)
}

/** Calls the room that is looked at, or answers whoever rings. */
function callOrAnswer(app: App): void {
  const call = app.call()
  if (call?.phase === 'incoming') {
    app.attempt(async () => {
      await app.backend.accept(call.video)
      app.view.show(call.room)
    })
    return
  }
  const room = app.room()
  if (call || !room) return
  const others = room.members.some(
    ({ user, membership }) => user !== app.account.value?.user && membership === 'joined',
  )
  if (others || room.kind === 'direct') app.attempt(() => app.backend.ring(room.id, true))
}

export const shortcuts: readonly Shortcut[] = [
  {
    keys: 'Control+k',
    does: 'switch',
    always: true,
    run: ({ view }) => (view.overlay() === 'switcher' ? view.close() : view.open('switcher')),
  },
  { keys: 'Alt+ArrowUp', does: 'previous', run: (app) => walk(app, -1) },
  { keys: 'Alt+ArrowDown', does: 'next', run: (app) => walk(app, 1) },
  { keys: 'Control+n', does: 'newRoom', run: ({ view }) => view.open('new-room') },
  { keys: 'Control+p', does: 'people', run: ({ view }) => view.setPanel(!view.panel()) },
  { keys: 'Control+,', does: 'settings', run: ({ view }) => view.openSettings() },
  { keys: '?', does: 'sheet', run: ({ view }) => view.open('shortcuts') },
  {
    keys: 'Escape',
    does: 'close',
    // What lies over the window closes itself; this is for what is in it.
    run: ({ view }) => {
      if (view.fullStage()) view.setFullStage(false)
      else if (view.panel()) view.setPanel(false)
      else document.querySelector<HTMLElement>('.composer textarea')?.focus()
    },
  },
  { keys: 'Control+Enter', does: 'call', always: true, run: callOrAnswer },
  {
    keys: 'Control+Shift+h',
    does: 'hangUp',
    always: true,
    run: (app) => {
      const call = app.call()
      if (!call) return
      app.attempt(() => (call.phase === 'incoming' ? app.backend.decline() : app.backend.hangUp()))
    },
  },
  {
    keys: 'Control+d',
    does: 'mute',
    always: true,
    run: (app) => {
      const own = app.call()?.own
      if (own) app.attempt(() => app.backend.setMicrophone(!own.microphone))
    },
  },
  {
    keys: 'Control+e',
    does: 'camera',
    always: true,
    run: (app) => {
      const own = app.call()?.own
      if (own) app.attempt(() => app.backend.setCamera(!own.camera))
    },
  },
]

/** Full size of the stage; beside the others because it is of no use without a call. */
export const fullStage = {
  keys: 'Control+f',
  run: (app: App) => {
    if (app.call() && app.call()?.room === app.view.room()) app.view.setFullStage(!app.view.fullStage())
  },
}

/** Whether a pressed key is the shortcut that is written so. */
export function isPressed(keys: string, event: KeyboardEvent): boolean {
  const parts = keys.split('+')
  const key = parts.at(-1) ?? ''
  if (key.toLowerCase() !== event.key.toLowerCase()) return false
  const wants = (modifier: string) => parts.slice(0, -1).includes(modifier)
  if (wants('Control') !== (event.ctrlKey || event.metaKey) || wants('Alt') !== event.altKey) return false
  // `?` needs Shift on most keyboards and none on others: the character is what counts.
  return key.length === 1 && /[^a-z0-9]/i.test(key) ? true : wants('Shift') === event.shiftKey
}

/** Whether keys without a modifier are being written somewhere. */
export function isWriting(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName))
  )
}

/** Runs whatever shortcut was pressed. */
export function handleKey(app: App, event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || event.repeat || !app.account.value) return
  for (const shortcut of [...shortcuts, { ...fullStage, always: false }]) {
    if (!isPressed(shortcut.keys, event)) continue
    if (app.view.overlay() && !shortcut.always) return
    // The character itself may be meant; in an empty field too.
    if (shortcut.keys === '?' && isWriting(event.target)) return
    event.preventDefault()
    shortcut.run(app)
    return
  }
}
