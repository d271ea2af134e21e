// The words between a pair's negotiation and the rest: what happened, and what is to be done. Plain data; what follows from what is
// Negotiation's.

import type { Candidate, PairSignal } from '../wire/pair'

/** Which side of the pair this is. */
export interface Role {
  /** Makes the first offer: the one who joined. */
  offers: boolean
  /** Gives way when offers collide: the smaller device id. */
  polite: boolean
}

/**
 * Where the pair stands. `lost`: nothing was heard for too long. `left`: one side hung up. These two are final.
 */
export type PairState = 'connecting' | 'connected' | 'reconnecting' | 'lost' | 'left'

export function isOver(state: PairState): boolean {
  return state === 'lost' || state === 'left'
}

/** What the peer connection says of its transport. */
export type Link = 'connected' | 'disconnected' | 'failed'

/** What happened. `exchange` is that of the output which it answers. */
export type Input =
  | { type: 'offer_made'; exchange: number; sdp: string }
  | { type: 'answer_made'; exchange: number; sdp: string }
  | { type: 'answer_applied'; exchange: number }
  /** The description of that output is rubbish. */
  | { type: 'refused'; exchange: number }
  | { type: 'local_candidate'; candidate: Candidate }
  /** A verified signal of the other side. */
  | { type: 'remote'; signal: PairSignal }
  | { type: 'link'; link: Link }
  /** The server says whether the other stay is in the call. */
  | { type: 'present'; present: boolean }
  | { type: 'hang_up' }
  /** This device went to another network: do not wait until the link is noticed to be dead. */
  | { type: 'network_changed' }
  /** The peer connection does nothing any more. */
  | { type: 'broken' }

/** What is to be done, in this order. After a state that is final nothing comes. */
export type Output =
  /** Closes the connection and makes another; what comes after it is for the new one. */
  | { type: 'renew' }
  | { type: 'make_offer'; exchange: number; restart: boolean }
  | { type: 'rollback' }
  | { type: 'apply_offer'; exchange: number; sdp: string }
  | { type: 'apply_answer'; exchange: number; sdp: string }
  | { type: 'add_candidate'; candidate: Candidate }
  | { type: 'send'; signal: PairSignal }
  | { type: 'bad_signal' }
  | { type: 'state'; state: PairState }
