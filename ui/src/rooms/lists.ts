// The rail's three lists out of the rooms and people of the space. Pure.

import type { Person } from '../backend/bindings/Person'
import type { RoomSummary } from '../backend/bindings/RoomSummary'

export interface RailLists {
  /** Rooms that the reader is asked into. */
  invitations: RoomSummary[]
  rooms: RoomSummary[]
  /** Direct rooms that hold something, newest first. */
  direct: RoomSummary[]
  /** Everybody else of the space, those who are there first. */
  others: Person[]
}

export function railLists(
  rooms: readonly RoomSummary[],
  people: readonly Person[],
  self: string | undefined,
): RailLists {
  const joined = rooms
    .filter(({ membership }) => membership === 'joined')
    .sort((a, b) => b.last_at - a.last_at)
  const direct = joined.filter(({ kind }) => kind === 'direct')
  const known = new Set(direct.map(({ peer }) => peer))
  return {
    invitations: rooms.filter(({ membership }) => membership === 'invited'),
    rooms: joined.filter(({ kind }) => kind === 'room'),
    direct,
    others: people
      .filter(({ id }) => id !== self && !known.has(id))
      .sort((a, b) => Number(b.available) - Number(a.available) || a.name.localeCompare(b.name)),
  }
}

/** The order in which Alt+arrows walk. */
export function walkOrder({ rooms, direct }: RailLists): string[] {
  return [...rooms, ...direct].map(({ id }) => id)
}

/** What of a name is found by what was typed; every word must begin somewhere in it. */
export function matches(name: string, query: string): boolean {
  const folded = fold(name)
  return fold(query)
    .split(/\s+/u)
    .every((word) => folded.includes(word))
}

function fold(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLocaleLowerCase().trim()
}
