// What has to be told without being asked for: problems, announcements, and acts that can be undone. A short stack of notes in
// the corner; each goes by itself unless somebody points at it, announcements stay until they are read.

import { createStore } from 'solid-js/store'
import type { Problem } from '../backend/bindings/Problem'
import { toProblem } from '../backend/problem'

export type Note =
  | { id: number; kind: 'problem'; problem: Problem; retry?: () => void }
  | { id: number; kind: 'announcement'; text: string }

type NewNote = Note extends infer N ? (N extends Note ? Omit<N, 'id'> : never) : never

/** More than this covers the window; the oldest goes. */
const MAX_NOTES = 4

export function createNotes() {
  const [notes, setNotes] = createStore<Note[]>([])
  let last = 0

  function add(note: NewNote): void {
    last += 1
    const added = { ...note, id: last } as Note
    setNotes((all) => [...all, added].slice(-MAX_NOTES))
  }

  return {
    notes,
    announce: (text: string) => add({ kind: 'announcement', text }),
    /** Tells what was thrown; the same problem twice is told once. */
    tell(thrown: unknown, retry?: () => void): void {
      const problem = toProblem(thrown)
      if (notes.some((note) => note.kind === 'problem' && note.problem.code === problem.code)) return
      console.warn(`problem ${problem.code}: ${problem.detail}`)
      add({ kind: 'problem', problem, retry })
    },
    dismiss: (id: number) => setNotes((all) => all.filter((note) => note.id !== id)),
  }
}

export type Notes = ReturnType<typeof createNotes>
