// A room's items as the rows of its list: days apart, one person's consecutive messages under one name, and where the new ones begin.
// Pure, and told the clock's calendar through `dayOf`. Rows that say the same as before stay the same objects, so the list draws
// only what changed.

import type { TimelineItem } from '../backend/bindings/TimelineItem'

export type Row =
  | { type: 'day'; key: string; at: number }
  | { type: 'new'; key: string }
  | { type: 'message'; key: string; item: TimelineItem; first: boolean }
  | { type: 'notice'; key: string; item: TimelineItem }

/** Messages further apart than this get a name and a time of their own. */
const GROUP_GAP_MS = 5 * 60_000

/** Items that stand in the flow of talk; the others are notices between. */
function isMessage(item: TimelineItem): boolean {
  return item.body.kind === 'text' || item.body.kind === 'deleted' || item.body.kind === 'unsupported'
}

function continues(previous: TimelineItem | undefined, item: TimelineItem): boolean {
  return (
    previous !== undefined &&
    isMessage(previous) &&
    previous.own === item.own &&
    (item.own || previous.sender === item.sender) &&
    item.at - previous.at < GROUP_GAP_MS
  )
}

/** The item that the "new" line goes before: the first unread one that is not our own. */
function firstNew(items: readonly TimelineItem[], readUpTo: number): TimelineItem | undefined {
  // Nothing read at all: everything is new, and a line above all of it says nothing.
  if (readUpTo <= 0) return undefined
  return items.find((item) => item.seq !== null && item.seq > readUpTo && !item.own)
}

export function buildRows(
  items: readonly TimelineItem[],
  readUpTo: number,
  dayOf: (at: number) => number,
  before: readonly Row[] = [],
): Row[] {
  const known = new Map(before.map((row) => [row.key, row]))
  const rows: Row[] = []
  const newest = firstNew(items, readUpTo)
  let previous: TimelineItem | undefined

  const add = (row: Row) => {
    const same = known.get(row.key)
    rows.push(same && equal(same, row) ? same : row)
  }

  for (const item of items) {
    const newDay = previous === undefined || dayOf(previous.at) !== dayOf(item.at)
    if (newDay) add({ type: 'day', key: `day:${dayOf(item.at)}:${item.key}`, at: item.at })
    if (item === newest) add({ type: 'new', key: 'new' })
    if (isMessage(item)) {
      const first = newDay || item === newest || !continues(previous, item)
      add({ type: 'message', key: item.key, item, first })
    } else {
      add({ type: 'notice', key: item.key, item })
    }
    previous = item
  }
  return rows
}

function equal(a: Row, b: Row): boolean {
  if (a.type === 'day' && b.type === 'day') return a.at === b.at
  if (a.type === 'new' && b.type === 'new') return true
  if (a.type === 'message' && b.type === 'message') return a.item === b.item && a.first === b.first
  return a.type === 'notice' && b.type === 'notice' && a.item === b.item
}
