// Where the reader is in the window: which room, what is open beside and above it. Nothing durable: it begins afresh with the window.

import { createSignal, onCleanup } from 'solid-js'

/** What lies over the main window; one at a time. */
export type Overlay =
  | 'settings'
  | 'new-room'
  | 'edit-room'
  | 'invite'
  | 'invite-to-room'
  | 'guests'
  | 'shortcuts'
  | 'switcher'
export type SettingsSection = 'profile' | 'devices' | 'appearance' | 'notifications' | 'privacy' | 'about'

export function createView() {
  const [room, setRoom] = createSignal<string | null>(null)
  const [panel, setPanel] = createSignal(false)
  const [overlay, setOverlay] = createSignal<Overlay | null>(null)
  const [section, setSection] = createSignal<SettingsSection>('profile')
  const [fullStage, setFullStage] = createSignal(false)
  /** Below 600 px one pane is seen at a time. */
  const [pane, setPane] = createSignal<'rail' | 'room'>('rail')
  const narrowness = window.matchMedia('(max-width: 599px)')
  const [narrow, setNarrow] = createSignal(narrowness.matches)
  const measure = () => setNarrow(narrowness.matches)
  narrowness.addEventListener('change', measure)
  onCleanup(() => narrowness.removeEventListener('change', measure))
  const [focused, setFocused] = createSignal(document.hasFocus())

  return {
    room,
    panel,
    setPanel,
    overlay,
    section,
    setSection,
    fullStage,
    setFullStage,
    narrow,
    pane,
    setPane,
    focused,
    setFocused,
    open: (which: Overlay) => setOverlay(which),
    close: () => setOverlay(null),
    openSettings(which: SettingsSection = 'profile') {
      setSection(which)
      setOverlay('settings')
    },
    show(which: string) {
      if (room() !== which) {
        setRoom(which)
        setFullStage(false)
      }
      setPane('room')
      setOverlay(null)
    },
    /** No room: the one that was shown is gone. */
    showNone() {
      setRoom(null)
      setPane('rail')
    },
    reset() {
      setRoom(null)
      setPanel(false)
      setOverlay(null)
      setFullStage(false)
      setPane('rail')
    },
  }
}

export type View = ReturnType<typeof createView>
