// What can be thrown at the interface, made into the one shape that it words: a Problem.

import type { Problem } from './bindings/Problem'

/** Whether a thing that was thrown is a Problem as the app throws it. */
export function isProblem(thrown: unknown): thrown is Problem {
  if (typeof thrown !== 'object' || thrown === null) return false
  const { code, detail } = thrown as Record<string, unknown>
  return typeof code === 'string' && typeof detail === 'string'
}

/** A Problem out of anything that was thrown; what is none becomes `internal`. */
export function toProblem(thrown: unknown): Problem {
  if (isProblem(thrown)) return thrown
  return { code: 'internal', detail: thrown instanceof Error ? thrown.message : String(thrown) }
}
