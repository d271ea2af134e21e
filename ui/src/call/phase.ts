// Questions about a call that several places ask.

import type { CallEnd } from '../backend/bindings/CallEnd'
import type { CallView } from '../backend/bindings/CallView'

/** Why a call is over; `undefined` while it is not. */
export function endOf(call: CallView): CallEnd | undefined {
  return typeof call.phase === 'string' ? undefined : call.phase.ended
}

/** The phase as one word, for attributes. */
export function phaseName(call: CallView): string {
  return typeof call.phase === 'string' ? call.phase : 'ended'
}

/** Whether controls of media make sense: we are in it, or about to be. */
export function isLive(call: CallView): boolean {
  return call.phase === 'outgoing' || call.phase === 'connecting' || call.phase === 'active'
}
