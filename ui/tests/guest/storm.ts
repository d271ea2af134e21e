// Two sides of a pair through a relay that loses, repeats and reorders, over connections that are made of paper. The same weather as in
// crates/call/src/session/pair_tests.rs, so that both negotiations are held to the same.

import type { Envelope } from '../../src/backend/bindings/Envelope'
import type { PairSignal } from '../../src/backend/bindings/PairSignal'
import { fingerprint, ufrags } from '../../src/guest/session/candidates'
import type { Ed25519 } from '../../src/guest/session/ed25519'
import { Negotiation } from '../../src/guest/session/negotiation'
import type { Input, Link, Output, PairState, Role } from '../../src/guest/session/pair'
import { type PairIds, Signer, Verifier } from '../../src/guest/session/trust'

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** Signatures that cost nothing and fit nothing but their own message: their sum. */
export const paperEd25519: Ed25519 = {
  generate: async () => ({ publicKey: new Uint8Array(32), sign: async (message) => checksum(message) }),
  verify: async (_key, signature, message) => checksum(message).every((byte, at) => byte === signature[at]),
}

function checksum(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const sum = new Uint8Array(64)
  message.forEach((byte, at) => {
    sum[at % 64] = ((sum[at % 64] ?? 0) * 31 + byte + at) & 255
  })
  return sum
}

/** A connection that knows only what it was told. Its name is its fingerprint. */
class Connection {
  readonly name: string
  made = 0
  link: Link | undefined
  /** The other side's connection that it has, or had, its link to. */
  linkedTo: Connection | undefined
  local: string | undefined
  remote: string | undefined
  #pending: string | undefined
  #generation = 0
  #heard = new Set<string>()

  constructor(name: string) {
    this.name = name
  }

  #describe(kind: string, to: string): string {
    this.made += 1
    const lines = [`a=ice-ufrag:${this.#ufrag()}`, `a=fingerprint:sha-256 ${this.name}`]
    return [`${kind} ${this.name}.${this.made} to ${to}`, ...lines, ''].join('\n')
  }

  #ufrag(): string {
    return `${this.name}.${this.#generation}`
  }

  #candidate(): Input {
    const candidate = { candidate: 'candidate:1', mid: '0', line: 0, ufrag: this.#ufrag() }
    return { type: 'local_candidate', candidate }
  }

  perform(output: Output): Input[] {
    switch (output.type) {
      case 'make_offer': {
        if (this.#pending) throw new Error('an offer is set already')
        if (output.restart || this.#generation === 0) this.#generation += 1
        const sdp = this.#describe('offer', 'all')
        this.#pending = sdp
        return [this.#candidate(), { type: 'offer_made', exchange: output.exchange, sdp }]
      }
      case 'rollback':
        if (!this.#pending) throw new Error('nothing to take back')
        this.#pending = undefined
        return []
      case 'apply_offer': {
        if (this.#pending) throw new Error('an offer of ours is set')
        if (!output.sdp.startsWith('offer')) return [{ type: 'refused', exchange: output.exchange }]
        this.#mustBeOfTheSame(output.sdp)
        const restarted = this.remote !== undefined && `${ufrags(this.remote)}` !== `${ufrags(output.sdp)}`
        if (this.#generation === 0 || restarted) this.#generation += 1
        const answer = this.#describe('answer', output.sdp.split('\n')[0] ?? '')
        this.remote = output.sdp
        this.local = answer
        return [{ type: 'answer_made', exchange: output.exchange, sdp: answer }, this.#candidate()]
      }
      case 'apply_answer':
        if (!this.#pending) throw new Error('an answer needs an offer')
        this.#mustBeOfTheSame(output.sdp)
        if (!output.sdp.includes(this.#pending.split('\n')[0] ?? ''))
          throw new Error('an answer to another offer')
        this.local = this.#pending
        this.#pending = undefined
        this.remote = output.sdp
        return [{ type: 'answer_applied', exchange: output.exchange }]
      case 'add_candidate':
        if (output.candidate.ufrag) this.#heard.add(output.candidate.ufrag)
        return []
      default:
        throw new Error(`not the connection's: ${output.type}`)
    }
  }

  #mustBeOfTheSame(sdp: string): void {
    if (this.remote !== undefined && fingerprint(this.remote) !== fingerprint(sdp))
      throw new Error('a description of another connection')
  }

  hears(): boolean {
    return ufrags(this.remote ?? '').some((ufrag) => this.#heard.has(ufrag))
  }
}

export interface Weather {
  loss: number
  repeat: number
  /** Each signal takes up to this. */
  delay: number
  /** From here on nothing is lost, repeated or overtaken. */
  until: number
}

/** Any weather that ends by then. */
export function weather(random: () => number, until: number): Weather {
  return { loss: random() * 0.7, repeat: random() * 0.5, delay: random() * 400, until }
}

export const CLEAR: Weather = { loss: 0, repeat: 0, delay: 40, until: 0 }
export const SILENCE: Weather = { loss: 1, repeat: 0, delay: 0, until: Number.POSITIVE_INFINITY }

/** A link of which the other end was closed is seen to be gone within this. */
const END_SEEN_WITHIN = 3_000

interface Side {
  negotiation: Negotiation
  connection: Connection
  signer: Signer
  verifier: Verifier
  /** What the connection still has to do, one after another, each when its time has come. */
  work: { at: number; output: Output }[]
  bad: number
  refused: number
  renewed: number
}

const id = (number: number) => `00000000-0000-0000-0000-0000000000${String(number).padStart(2, '0')}`

export class StormyPair {
  now = 1_000
  weather: Weather
  readonly sides: [Side, Side]
  /** Everything that was ever relayed. */
  readonly overheard: { from: number; envelope: Envelope }[] = []
  readonly #random: () => number
  #relay: { at: number; to: number; envelope: Envelope }[] = []
  /** When the last one to each side arrives: in good weather none overtakes it. */
  #lastArrival: [number, number] = [0, 0]
  readonly #broken = new Set<string>()
  #endSeenAt = 0
  /** Connections of which the handshake never ends. */
  readonly #stuck = new Set<Connection>()

  constructor(seed: number, weather: Weather, offers: [boolean, boolean]) {
    this.#random = seeded(seed)
    this.weather = weather
    const key = { publicKey: new Uint8Array(32), sign: async (message: Uint8Array) => checksum(message) }
    const side = (name: string, me: number, them: number, role: Role): Side => {
      const ids: PairIds = {
        call: id(9),
        me: id(me),
        myJoin: id(me + 2),
        them: id(them),
        theirJoin: id(them + 2),
      }
      return {
        negotiation: new Negotiation(this.now, role),
        connection: new Connection(`${name}1`),
        signer: new Signer(ids, key),
        verifier: new Verifier(ids, new Uint8Array(32), paperEd25519.verify),
        work: [],
        bad: 0,
        refused: 0,
        renewed: 0,
      }
    }
    this.sides = [
      side('a', 1, 2, { offers: offers[0], polite: true }),
      side('b', 2, 1, { offers: offers[1], polite: false }),
    ]
  }

  side(number: number): Side {
    return number === 0 ? this.sides[0] : this.sides[1]
  }

  async feed(number: number, input: Input): Promise<void> {
    await this.#take(number, this.side(number).negotiation.handle(this.now, input))
  }

  async #take(number: number, outputs: Output[]): Promise<void> {
    const side = this.side(number)
    for (const output of outputs) {
      if (output.type === 'send') await this.send(number, output.signal)
      else if (output.type === 'bad_signal') side.bad += 1
      else if (output.type === 'renew') this.#renew(number)
      else if (output.type !== 'state') side.work.push({ at: this.now + this.#random() * 120, output })
    }
  }

  #renew(number: number): void {
    const side = this.side(number)
    side.renewed += 1
    side.connection = new Connection(`${number === 0 ? 'a' : 'b'}${side.renewed + 1}`)
    side.work = []
    // The other side sees its link end at once, when its connection is told, or later, when nothing comes any more.
    this.#endSeenAt = this.now + this.#random() * END_SEEN_WITHIN
  }

  async send(number: number, signal: PairSignal): Promise<void> {
    const envelope = await this.side(number).signer.sign(signal)
    this.overheard.push({ from: number, envelope })
    const stormy = this.now < this.weather.until
    const lost = stormy && this.#random() < this.weather.loss
    const copies = lost ? 0 : stormy && this.#random() < this.weather.repeat ? 2 : 1
    const to = 1 - number
    for (let copy = 0; copy < copies; copy += 1) {
      let at = this.now + this.#random() * this.weather.delay
      if (!stormy) at = Math.max(at, this.#lastArrival[to] ?? 0)
      this.#lastArrival[to] = Math.max(at, this.#lastArrival[to] ?? 0)
      this.#relay.push({ at, to, envelope })
    }
  }

  async step(): Promise<void> {
    this.now += 20
    const due = this.#relay.filter(({ at }) => at <= this.now).sort((a, b) => a.at - b.at)
    this.#relay = this.#relay.filter(({ at }) => at > this.now)
    for (const { to, envelope } of due) {
      const opened = await this.side(to).verifier.open(envelope)
      if ('signal' in opened) await this.feed(to, { type: 'remote', signal: opened.signal })
      else this.side(to).refused += 1
    }
    for (const number of [0, 1]) {
      const { work, connection, negotiation } = this.side(number)
      for (let next = work[0]; next && next.at <= this.now; next = work[0]) {
        work.shift()
        for (const input of connection.perform(next.output)) await this.feed(number, input)
      }
      const deadline = negotiation.nextDeadline()
      const outputs = negotiation.poll(this.now)
      if (outputs.length > 0 && !(deadline !== undefined && deadline <= this.now))
        throw new Error('poll did what nextDeadline did not announce')
      await this.#take(number, outputs)
    }
    await this.#connect()
  }

  agreed(): boolean {
    const [a, b] = [this.sides[0].connection, this.sides[1].connection]
    return a.local !== undefined && a.local === b.remote && a.remote === b.local
  }

  async #connect(): Promise<void> {
    const [a, b] = [this.sides[0].connection, this.sides[1].connection]
    const intact = ufrags(a.local ?? '').every((ufrag) => !this.#broken.has(ufrag))
    const free = !this.#stuck.has(a) && !this.#stuck.has(b)
    const connected = this.agreed() && intact && free && (a.hears() || b.hears())
    for (const [number, [connection, other]] of (
      [
        [a, b],
        [b, a],
      ] as const
    ).entries()) {
      const ended = connection.linkedTo !== other && this.now >= this.#endSeenAt
      const link = connected
        ? 'connected'
        : connection.link && (!intact || ended)
          ? 'disconnected'
          : connection.link
      if (link === connection.link || link === undefined) continue
      connection.link = link
      if (connected) connection.linkedTo = other
      await this.feed(number, { type: 'link', link })
    }
  }

  async run(milliseconds: number): Promise<void> {
    for (const end = this.now + milliseconds; this.now < end; ) await this.step()
  }

  async runUntil(milliseconds: number, state: PairState): Promise<void> {
    for (const end = this.now + milliseconds; this.states().some((other) => other !== state); ) {
      if (this.now >= end) throw new Error(`${this.states()} and not ${state}`)
      await this.step()
    }
  }

  states(): PairState[] {
    return this.sides.map(({ negotiation }) => negotiation.state)
  }

  /** The handshake of a side's connection never ends: only another connection finds a link. */
  stick(number: number): void {
    this.#stuck.add(this.side(number).connection)
  }

  /** The connection of a side dies. */
  async breakConnection(number: number): Promise<void> {
    await this.feed(number, { type: 'broken' })
  }

  /** The path dies: only fresh ICE credentials find another. */
  breakPath(): void {
    for (const ufrag of ufrags(this.sides[0].connection.local ?? '')) this.#broken.add(ufrag)
  }
}
