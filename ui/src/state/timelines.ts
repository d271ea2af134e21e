// The timelines of the rooms that were looked at. What is shown is a tail of the room's log: its newest stretch, and before it
// whatever was asked for. A change re-reads the newest stretch and joins it to what is there.

import { createStore, produce, reconcile } from 'solid-js/store'
import type { Backend } from '../backend/backend'
import type { Problem } from '../backend/bindings/Problem'
import type { Timeline } from '../backend/bindings/Timeline'
import type { TimelineItem } from '../backend/bindings/TimelineItem'
import { toProblem } from '../backend/problem'

export interface ShownTimeline {
  items: TimelineItem[]
  atStart: boolean
  /** Where the "new" line goes: as it was when the room was opened, so it stays put while one reads. */
  readUpTo: number
  loaded: boolean
  problem: Problem | null
  loadingEarlier: boolean
}

/** A screen and a half of short messages. */
const PAGE = 60

/** No message has so high a `seq`: there is no "new" line. */
const EVERYTHING = Number.MAX_SAFE_INTEGER

/** Joins a newer reading of the tail to what is shown: `fresh` is right about everything from its first item on. */
export function joinTail(shown: readonly TimelineItem[], fresh: readonly TimelineItem[]): TimelineItem[] {
  const from = fresh.find((item) => item.seq !== null)?.seq
  if (from === undefined || from === null) {
    return [...shown.filter((item) => item.seq !== null), ...fresh]
  }
  const lastShown = shown.findLast((item) => item.seq !== null)?.seq ?? null
  // The reading begins after everything shown: whether something lies between is unknown, so what is shown is given up.
  if (lastShown === null || lastShown < from) return [...fresh]
  const freshKeys = new Set(fresh.map((item) => item.key))
  const kept = shown.filter((item) => item.seq !== null && item.seq < from && !freshKeys.has(item.key))
  return [...kept, ...fresh]
}

export function createTimelines(backend: Pick<Backend, 'timeline'>) {
  const [rooms, setRooms] = createStore<Record<string, ShownTimeline>>({})
  const asked = new Map<string, { running: Promise<void>; again: boolean }>()

  const empty = (): ShownTimeline => ({
    items: [],
    atStart: false,
    readUpTo: 0,
    loaded: false,
    problem: null,
    loadingEarlier: false,
  })

  function take(room: string, timeline: Timeline): void {
    const shown = rooms[room]
    const items = shown?.loaded ? joinTail(shown.items, timeline.items) : timeline.items
    // The start is known from whichever reading reaches furthest back.
    const keepsOlder = items[0]?.key !== timeline.items[0]?.key
    setRooms(room, 'items', reconcile(items, { key: 'key' }))
    setRooms(
      room,
      produce((state) => {
        state.atStart = keepsOlder ? state.atStart : timeline.at_start
        if (!state.loaded) state.readUpTo = timeline.read_up_to
        state.loaded = true
        state.problem = null
      }),
    )
  }

  async function read(room: string): Promise<void> {
    try {
      take(room, await backend.timeline(room, null, PAGE))
    } catch (thrown) {
      setRooms(room, 'problem', toProblem(thrown))
    }
  }

  /** Reads the newest stretch; while a reading runs, one more follows it. */
  function refresh(room: string): Promise<void> {
    if (!rooms[room]) setRooms(room, empty())
    const current = asked.get(room)
    if (current) {
      current.again = true
      return current.running
    }
    const entry = { running: Promise.resolve(), again: false }
    entry.running = (async () => {
      do {
        entry.again = false
        await read(room)
      } while (entry.again)
      asked.delete(room)
    })()
    asked.set(room, entry)
    return entry.running
  }

  return {
    /** What is shown of a room; `undefined` until it was opened. */
    of: (room: string): ShownTimeline | undefined => rooms[room],
    refresh,
    /** A room is looked at (again): the "new" line is placed anew. */
    async open(room: string): Promise<void> {
      if (!rooms[room]?.loaded) return refresh(room)
      try {
        const timeline = await backend.timeline(room, null, PAGE)
        setRooms(room, 'readUpTo', timeline.read_up_to)
        take(room, timeline)
      } catch (thrown) {
        setRooms(room, 'problem', toProblem(thrown))
      }
    },
    /** The reader looks at the room: what comes from now on is not "new", unless something that they have not seen is there already. */
    looked(room: string): void {
      const shown = rooms[room]
      if (!shown?.loaded) return
      const unseen = shown.items.some((item) => item.seq !== null && item.seq > shown.readUpTo && !item.own)
      if (!unseen) setRooms(room, 'readUpTo', EVERYTHING)
    },
    /** The reader looks away: what comes from now on is new to them. */
    lookedAway(room: string): void {
      const last = rooms[room]?.items.findLast((item) => item.seq !== null)?.seq
      if (last !== undefined && last !== null) setRooms(room, 'readUpTo', last)
    },
    /** A room changed; only those that were opened are read. */
    async changed(room: string): Promise<void> {
      if (rooms[room]) await refresh(room)
    },
    async loadEarlier(room: string): Promise<void> {
      const shown = rooms[room]
      const first = shown?.items.find((item) => item.seq !== null)?.seq
      if (!shown || shown.loadingEarlier || shown.atStart || first === undefined || first === null) return
      setRooms(room, 'loadingEarlier', true)
      try {
        const earlier = await backend.timeline(room, first, PAGE)
        setRooms(
          room,
          produce((state) => {
            const keys = new Set(state.items.map((item) => item.key))
            state.items = [...earlier.items.filter((item) => !keys.has(item.key)), ...state.items]
            state.atStart = earlier.at_start
          }),
        )
      } catch (thrown) {
        setRooms(room, 'problem', toProblem(thrown))
      } finally {
        setRooms(room, 'loadingEarlier', false)
      }
    },
    /** Another account, another memory. */
    forget: () => setRooms(reconcile({})),
  }
}

export type Timelines = ReturnType<typeof createTimelines>
