import { describe, expect, test } from 'vitest'
import type { TimelineItem } from '../src/backend/bindings/TimelineItem'
import { joinTail } from '../src/state/timelines'
import { buildRows, type Row } from '../src/timeline/rows'

const MINUTE = 60_000
const dayOf = (at: number) => Math.floor(at / 86_400_000)
const START = 100 * 86_400_000 + 36_000_000

function says(
  seq: number | null,
  sender: string,
  at: number,
  change: Partial<TimelineItem> = {},
): TimelineItem {
  return {
    key: `k${seq ?? at}`,
    seq,
    sender,
    sender_name: sender,
    own: sender === 'me',
    at: START + at,
    body: { kind: 'text', text: 'words' },
    delivery: { state: seq === null ? 'sending' : 'sent' },
    ...change,
  }
}

/** Rows in short: d for a day, N for the new line, A for a message with its name, a for one without, n for a notice. */
const shape = (rows: readonly Row[]) =>
  rows
    .map(
      (row) =>
        ({ day: 'd', new: 'N', notice: 'n', message: row.type === 'message' && row.first ? 'A' : 'a' })[
          row.type
        ],
    )
    .join('')

describe('rows of a timeline', () => {
  test('one person’s consecutive messages stand under one name', () => {
    const rows = buildRows(
      [says(1, 'ada', 0), says(2, 'ada', MINUTE), says(3, 'bob', MINUTE), says(4, 'ada', MINUTE)],
      9,
      dayOf,
    )
    expect(shape(rows)).toBe('dAaAA')
  })

  test('a pause, another day and a notice each end a group', () => {
    expect(shape(buildRows([says(1, 'ada', 0), says(2, 'ada', 5 * MINUTE)], 9, dayOf))).toBe('dAA')
    expect(shape(buildRows([says(1, 'ada', 0), says(2, 'ada', 86_400_000)], 9, dayOf))).toBe('dAdA')
    const joined = says(2, 'bob', 1, {
      body: { kind: 'member', name: 'bob', membership: 'joined', by: null },
    })
    expect(shape(buildRows([says(1, 'ada', 0), joined, says(3, 'ada', 2)], 9, dayOf))).toBe('dAnA')
  })

  test('the new line goes before the first unread message of somebody else', () => {
    const items = [says(1, 'ada', 0), says(2, 'me', 1), says(3, 'ada', 2), says(4, 'ada', 3)]
    expect(shape(buildRows(items, 1, dayOf))).toBe('dAANAa')
    expect(shape(buildRows(items, 4, dayOf))).toBe('dAAAa')
    expect(shape(buildRows(items, 0, dayOf))).toBe('dAAAa')
  })

  test('an own message keeps its group and its key while it is sent', () => {
    const before = says(1, 'me', 0)
    const echo = says(null, 'me', MINUTE, { key: 'txn', sender: null })
    const first = buildRows([before, echo], 9, dayOf)
    const delivered = { ...echo, seq: 2, sender: 'me', delivery: { state: 'sent' } as const }
    const second = buildRows([before, delivered], 9, dayOf, first)
    expect(shape(first)).toBe('dAa')
    expect(second.map(({ key }) => key)).toEqual(first.map(({ key }) => key))
  })

  test('rows that say the same stay the same objects', () => {
    const items = [says(1, 'ada', 0), says(2, 'bob', 1)]
    const first = buildRows(items, 9, dayOf)
    const second = buildRows([...items, says(3, 'bob', 2)], 9, dayOf, first)
    expect(second.slice(0, 3).every((row, index) => row === first[index])).toBe(true)
    expect(second).toHaveLength(4)
  })

  test('keys are unique, also when a day comes twice because clocks differ', () => {
    const items = [says(1, 'ada', 86_400_000), says(2, 'bob', 0), says(3, 'ada', 86_400_000)]
    const keys = buildRows(items, 0, dayOf).map(({ key }) => key)
    expect(new Set(keys).size).toBe(keys.length)
  })

  test('nothing gives nothing', () => expect(buildRows([], 0, dayOf)).toEqual([]))
})

describe('joining a newer reading to what is shown', () => {
  const of = (...seqs: (number | null)[]) => seqs.map((seq) => says(seq, 'ada', seq ?? 99))
  const seqs = (items: readonly TimelineItem[]) => items.map(({ seq }) => seq)

  test('older items stay, the reading replaces the rest', () => {
    expect(seqs(joinTail(of(1, 2, 3, 4), of(3, 4, 5)))).toEqual([1, 2, 3, 4, 5])
  })

  test('an item that the reading lacks is gone', () => {
    expect(seqs(joinTail(of(1, 2, 3, 4), of(2, 4)))).toEqual([1, 2, 4])
  })

  test('a reading that begins after everything shown replaces it: what lies between is unknown', () => {
    expect(seqs(joinTail(of(1, 2), of(7, 8)))).toEqual([7, 8])
  })

  test('an echo becomes the server’s row without being there twice', () => {
    const echo = says(null, 'me', 5, { key: 'txn' })
    const row = says(3, 'me', 5, { key: 'txn' })
    expect(joinTail([...of(1, 2), echo], [...of(2), row]).map(({ key }) => key)).toEqual(['k1', 'k2', 'txn'])
  })

  test('a reading of echoes alone keeps what was delivered', () => {
    expect(seqs(joinTail(of(1, 2, null), of(null)))).toEqual([1, 2, null])
  })
})
