// What two devices in a call say to each other, as crates/protocol/src/pair.rs writes it. What comes is read field by field: it is
// signed, but by somebody who may mean harm.

import type { ChannelMessage } from '../../backend/bindings/ChannelMessage'
import type { PairSignal } from '../../backend/bindings/PairSignal'
import { fields, isCount, isText, isUuid } from './read'

export type { ChannelMessage, PairSignal }

/** A trickled candidate (RFC 8838). */
export type Candidate = Omit<Extract<PairSignal, { type: 'candidate' }>, 'type'>

/** Label of the data channel that carries {@link ChannelMessage}s. */
export const CONTROL_CHANNEL = 'snug.control.v1'

/** Most characters of one chat message. */
export const MAX_CHAT = 4000

/** Whether a text may be said in the chat: not blank, not too long in Unicode characters. */
export function isChat(text: string): boolean {
  return text.trim() !== '' && text.length <= 2 * MAX_CHAT && [...text].length <= MAX_CHAT
}

const textOrNull = (value: unknown) => (isText(value) ? value : null)

/** Reads a payload; `undefined` for what is none. */
export function readPairSignal(text: string): PairSignal | undefined {
  const said = fields(text)
  switch (said?.type) {
    case 'bye':
      return { type: 'bye' }
    case 'description':
      if ((said.kind !== 'offer' && said.kind !== 'answer') || !isText(said.sdp)) return undefined
      return { type: 'description', kind: said.kind, sdp: said.sdp, of: textOrNull(said.of) }
    case 'candidate':
      if (!isText(said.candidate)) return undefined
      return {
        type: 'candidate',
        candidate: said.candidate,
        mid: textOrNull(said.mid),
        line: isCount(said.line) ? said.line : null,
        ufrag: textOrNull(said.ufrag),
      }
    default:
      return undefined
  }
}

/** Reads a control message; `undefined` for rubbish and for types of newer versions. */
export function readChannelMessage(text: string): ChannelMessage | undefined {
  const said = fields(text)
  switch (said?.type) {
    case 'bye':
      return { type: 'bye' }
    case 'state':
      if (typeof said.microphone !== 'boolean' || typeof said.camera !== 'boolean') return undefined
      return { type: 'state', microphone: said.microphone, camera: said.camera }
    case 'tile':
      if (!isCount(said.width) || !isCount(said.height)) return undefined
      return { type: 'tile', width: said.width, height: said.height }
    case 'chat':
      if (!isUuid(said.id) || !isText(said.text) || !isChat(said.text)) return undefined
      return { type: 'chat', id: said.id, text: said.text }
    default:
      return undefined
  }
}
