// Which signals to believe: signatures and counters, as crates/protocol/src/signing.rs and crates/call/src/session/trust.rs have them.
//
// A signal is verified before a byte of it is parsed. The counter is strictly increasing and not a window: the relay is ordered, so what
// comes out of order was held back by somebody, and what matters is repeated with a new counter by Negotiation.

import type { Envelope } from '../../backend/bindings/Envelope'
import { type Bytes, fromBase64, toBase64 } from '../wire/content'
import { type PairSignal, readPairSignal } from '../wire/pair'
import type { SigningKey, Verify } from './ed25519'

/** First field of every signed message, so that no signature of ours can be taken for another's. */
const DOMAIN = 'snug.call-signal.v1'
/** More than any description of ours; parsing stops here at the latest. */
const MAX_PAYLOAD = 64 * 1024

/** The two stays that talk to each other, as seen from one of them. */
export interface PairIds {
  call: string
  me: string
  myJoin: string
  them: string
  theirJoin: string
}

/** From which stay to which a signal goes, in which call, and as which of the pair's signals. */
export interface Route {
  call: string
  from: string
  to: string
  fromJoin: string
  toJoin: string
  counter: number
}

/** The sixteen bytes of a UUID (RFC 9562 §4); only for what `isUuid` says is one. */
function uuidBytes(id: string): Uint8Array {
  const hex = id.replaceAll('-', '')
  return Uint8Array.from({ length: 16 }, (_, at) => Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16))
}

/** The input to Ed25519 (RFC 8032): every field preceded by its length as four bytes, big endian. */
export function signingInput(route: Route, payload: Uint8Array): Bytes {
  const counter = new Uint8Array(8)
  new DataView(counter.buffer).setBigUint64(0, BigInt(route.counter))
  const ids = [route.call, route.from, route.to, route.fromJoin, route.toJoin].map(uuidBytes)
  const all = [new TextEncoder().encode(DOMAIN), ...ids, counter, payload]
  const out = new Uint8Array(all.reduce((length, field) => length + 4 + field.length, 0))
  const view = new DataView(out.buffer)
  let at = 0
  for (const field of all) {
    view.setUint32(at, field.length)
    out.set(field, at + 4)
    at += 4 + field.length
  }
  return out
}

/** Signs what goes to one other stay. Answers come in the order of the calls, because each waits for the one before. */
export class Signer {
  readonly #ids: PairIds
  readonly #key: SigningKey
  #counter = 0
  #last: Promise<unknown> = Promise.resolve()

  constructor(ids: PairIds, key: SigningKey) {
    this.#ids = ids
    this.#key = key
  }

  /** Puts a signal into its envelope. Each has a counter of its own, repeats of the same signal too. */
  sign(signal: PairSignal): Promise<Envelope> {
    const { call, me, myJoin, them, theirJoin } = this.#ids
    this.#counter += 1
    const counter = this.#counter
    const payload = new TextEncoder().encode(JSON.stringify(signal))
    const route = { call, from: me, to: them, fromJoin: myJoin, toJoin: theirJoin, counter }
    const envelope = this.#last.then(async () => ({
      from_join: myJoin,
      to_join: theirJoin,
      counter,
      payload: toBase64(payload),
      signature: toBase64(await this.#key.sign(signingInput(route, payload))),
    }))
    this.#last = envelope.catch(() => undefined)
    return envelope
  }
}

/** Why a signal was refused. */
export type Refusal = 'other_stay' | 'replayed' | 'forged' | 'malformed'

/** A signal that is to be believed, or why not. */
export type Opened = { signal: PairSignal } | { refused: Refusal }

/** Verifies what comes from one other stay, one after another. */
export class Verifier {
  readonly #ids: PairIds
  readonly #key: Bytes
  readonly #verify: Verify
  #last = 0
  #line: Promise<unknown> = Promise.resolve()

  /** One that has seen nothing yet. */
  constructor(ids: PairIds, key: Bytes, verify: Verify) {
    this.#ids = ids
    this.#key = key
    this.#verify = verify
  }

  /** The signal in an envelope, if it is to be believed. */
  open(envelope: Envelope): Promise<Opened> {
    const opened = this.#line.then(() => this.#open(envelope))
    this.#line = opened.catch(() => undefined)
    return opened
  }

  async #open(envelope: Envelope): Promise<Opened> {
    const { call, me, myJoin, them, theirJoin } = this.#ids
    if (envelope.from_join !== theirJoin || envelope.to_join !== myJoin) return { refused: 'other_stay' }
    const payload = fromBase64(envelope.payload)
    const signature = fromBase64(envelope.signature)
    if (!payload || payload.length > MAX_PAYLOAD) return { refused: 'malformed' }
    const { counter } = envelope
    if (signature?.length !== 64 || !Number.isSafeInteger(counter) || counter < 0)
      return { refused: 'forged' }
    const route = { call, from: them, to: me, fromJoin: theirJoin, toJoin: myJoin, counter }
    if (!(await this.#verify(this.#key, signature, signingInput(route, payload))))
      return { refused: 'forged' }
    // After the signature: a forged counter must not make the true ones look old.
    if (counter <= this.#last) return { refused: 'replayed' }
    this.#last = counter
    const signal = readPairSignal(new TextDecoder().decode(payload))
    return signal ? { signal } : { refused: 'malformed' }
  }
}
