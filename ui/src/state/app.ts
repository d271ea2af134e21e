// The window's state: what the backend has told, and where the reader is. Components read it and call its acts; it calls the
// backend. It holds nothing that it could not ask for again.

import { createEffect, createMemo, createSignal, on, onCleanup, untrack } from 'solid-js'
import { createStore, reconcile } from 'solid-js/store'
import type { Backend } from '../backend/backend'
import type { Account } from '../backend/bindings/Account'
import type { CallView } from '../backend/bindings/CallView'
import type { Connection } from '../backend/bindings/Connection'
import type { Preferences } from '../backend/bindings/Preferences'
import type { Update } from '../backend/bindings/Update'
import { createVideo } from '../video/window'
import { createChat } from './chat'
import { createFetched } from './fetched'
import { createNotes } from './problems'
import { createTimelines } from './timelines'
import { createView } from './view'

const NO_PREFERENCES: Preferences = { language: null, theme: null, quiet: false, relay_only: false }

export function createApp(backend: Backend) {
  const account = createFetched<Account | null>(() => backend.account(), 'user')
  const preferences = createFetched(() => backend.preferences())
  const rooms = createFetched(() => backend.rooms())
  const people = createFetched(() => backend.people())
  const timelines = createTimelines(backend)
  const notes = createNotes()
  const view = createView()
  const [connection, setConnection] = createSignal<Connection>({ state: 'connecting' })
  // A store, so that somebody's speaking mark does not make their tile, and its decoder, anew.
  const [ongoing, setOngoing] = createStore<{ call: CallView | null }>({ call: null })
  const setCall = (call: CallView | null) => setOngoing('call', reconcile(call, { key: 'device' }))
  const chat = createChat(backend, () => ongoing.call?.call)
  const [typing, setTyping] = createSignal<Record<string, string[]>>({})
  /** The host's link is shown before the main window is entered. */
  const [welcoming, setWelcoming] = createSignal(false)

  const room = createMemo(() => rooms.value?.find(({ id }) => id === view.room()))
  const signedIn = createMemo(() => account.value != null)

  /** Does something whose failure is told in a note. */
  function attempt(act: () => Promise<unknown>): void {
    act().catch((thrown) => notes.tell(thrown))
  }

  function hear(update: Update): void {
    switch (update.type) {
      case 'account':
        void account.refresh()
        break
      case 'connection':
        setConnection(update.connection)
        break
      case 'rooms':
        void rooms.refresh()
        break
      case 'people':
        void people.refresh()
        break
      case 'timeline':
        void timelines.changed(update.room)
        break
      case 'typing':
        setTyping((all) => ({ ...all, [update.room]: update.names }))
        break
      case 'call':
        setCall(update.call)
        break
      case 'call_chat':
        chat.changed()
        break
      case 'announcement':
        notes.announce(update.text)
        break
      case 'problem':
        notes.tell(update.problem)
        break
      case 'notify':
        // The app itself shows notifications: this window may be hidden.
        break
    }
  }

  onCleanup(backend.onUpdate(hear))
  onCleanup(
    backend.onOpenRoom((id) => {
      view.show(id)
    }),
  )

  /** Asks for everything anew. */
  function begin(): void {
    void preferences.refresh()
    void account.refresh()
    attempt(async () => setConnection(await backend.connection()))
  }
  begin()

  // Signed in, or as somebody else: everything of before is forgotten and asked for anew.
  createEffect(
    on(
      () => account.value?.user,
      (user) => {
        timelines.forget()
        view.reset()
        setTyping({})
        setCall(null)
        if (!user) return
        void rooms.refresh()
        void people.refresh()
        attempt(async () => setCall(await backend.call()))
      },
    ),
  )

  // The room with the newest message is shown first. One that is gone leaves an empty place.
  createEffect(() => {
    const all = rooms.value
    if (!all || !signedIn()) return
    const shown = view.room()
    if (shown !== null && all.some(({ id }) => id === shown)) return
    untrack(() => {
      if (shown !== null) view.showNone()
      const first = all.find(({ membership }) => membership === 'joined')
      if (shown === null && first) {
        const pane = view.pane()
        view.show(first.id)
        view.setPane(pane)
      }
    })
  })

  createEffect(
    on(view.room, (id) => {
      if (!id) return
      void timelines.open(id).then(() => {
        if (view.room() === id && view.focused()) timelines.looked(id)
      })
    }),
  )

  createEffect(
    on(
      view.focused,
      (focused) => {
        const shown = view.room()
        if (shown) (focused ? timelines.looked : timelines.lookedAway)(shown)
      },
      { defer: true },
    ),
  )

  createEffect(() => {
    const shown = view.room()
    const focused = view.focused()
    if (signedIn()) backend.setAttention(focused, shown).catch((thrown) => console.warn(thrown))
  })

  const onFocus = () => view.setFocused(true)
  const onBlur = () => view.setFocused(false)
  window.addEventListener('focus', onFocus)
  window.addEventListener('blur', onBlur)
  onCleanup(() => {
    window.removeEventListener('focus', onFocus)
    window.removeEventListener('blur', onBlur)
  })

  return {
    backend,
    account,
    preferences: {
      get value() {
        return preferences.value ?? NO_PREFERENCES
      },
      get loaded() {
        return preferences.value !== undefined
      },
      change(change: Partial<Preferences>) {
        const next = { ...(preferences.value ?? NO_PREFERENCES), ...change }
        attempt(async () => {
          await backend.setPreferences(next)
          await preferences.refresh()
        })
      },
    },
    connection,
    rooms,
    people,
    room,
    timelines,
    typing: (id: string): string[] => typing()[id] ?? [],
    call: () => ongoing.call,
    chat,
    notes,
    view,
    video: createVideo(backend),
    welcoming,
    setWelcoming,
    attempt,
  }
}

export type App = ReturnType<typeof createApp>
