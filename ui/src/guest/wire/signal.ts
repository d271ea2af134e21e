// The signal socket's frames that a guest gets, as crates/protocol/src/signal.rs writes them.

import type { Envelope } from '../../backend/bindings/Envelope'
import type { GuestEnd } from '../../backend/bindings/GuestEnd'
import type { Participant } from '../../backend/bindings/Participant'
import type { ServerSignal } from '../../backend/bindings/ServerSignal'
import { asFields, fields, isCount, isText, isUuid } from './read'

/** WebSocket subprotocol that both sides must name. */
export const SUBPROTOCOL = 'snug.signal.v1'

/** Of RFC 6455's and our close codes: whether one that was closed with `code` should come back. */
export function isResumable(code: number): boolean {
  return code < 4100 || code >= 5000
}

/** The signals that concern a guest; the others are for members. */
export type GuestSignal = Extract<
  ServerSignal,
  {
    type:
      | 'hello'
      | 'call.roster'
      | 'call.joined'
      | 'call.left'
      | 'call.signal'
      | 'guest.waiting'
      | 'guest.admitted'
      | 'guest.refused'
      | 'guest.ended'
  }
>

const ENDS: readonly GuestEnd[] = ['removed', 'call_over', 'link_over']

function participant(value: unknown): Participant | undefined {
  const said = asFields(value)
  if (!isUuid(said?.user) || !isUuid(said.device) || !isUuid(said.join) || !isText(said.key)) return undefined
  const { user, device, join, key } = said
  const name = isText(said.name) ? said.name : undefined
  return { user, device, join, key, guest: said.guest === true, name }
}

function envelope(value: unknown): Envelope | undefined {
  const said = asFields(value)
  if (!isUuid(said?.from_join) || !isUuid(said.to_join) || !isCount(said.counter)) return undefined
  if (!isText(said.payload) || !isText(said.signature)) return undefined
  const { from_join, to_join, counter, payload, signature } = said
  return { from_join, to_join, counter, payload, signature }
}

/** Reads a frame; `undefined` for rubbish and for what is not for a guest. */
export function readSignal(text: string): GuestSignal | undefined {
  const said = fields(text)
  if (said?.type === 'hello')
    return isUuid(said.device) && isCount(said.server_time)
      ? { type: 'hello', device: said.device, server_time: said.server_time }
      : undefined
  const call = said?.call
  if (!said || !isUuid(call)) return undefined
  switch (said.type) {
    case 'call.roster': {
      if (!Array.isArray(said.members)) return undefined
      return { type: 'call.roster', call, members: said.members.flatMap((one) => participant(one) ?? []) }
    }
    case 'call.joined': {
      const who = participant(said.participant)
      return who && { type: 'call.joined', call, participant: who }
    }
    case 'call.left':
      if (!isUuid(said.device) || !isUuid(said.join)) return undefined
      return { type: 'call.left', call, device: said.device, join: said.join }
    case 'call.signal': {
      const sealed = envelope(said.envelope)
      if (!isUuid(said.from) || !sealed) return undefined
      return { type: 'call.signal', call, from: said.from, envelope: sealed }
    }
    case 'guest.waiting':
    case 'guest.refused':
      return { type: said.type, call }
    case 'guest.admitted':
      return isUuid(said.room) ? { type: 'guest.admitted', call, room: said.room } : undefined
    case 'guest.ended':
      return { type: 'guest.ended', call, reason: ENDS.find((end) => end === said.reason) ?? 'unknown' }
    default:
      return undefined
  }
}
