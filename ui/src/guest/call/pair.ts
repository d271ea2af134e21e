// One other stay in the call: its negotiation, its trust, its connection. Hands the outputs of the first to the other two.

import type { ChannelMessage } from '../../backend/bindings/ChannelMessage'
import type { Envelope } from '../../backend/bindings/Envelope'
import type { Participant } from '../../backend/bindings/Participant'
import { Peer, type Tracks } from '../peer/connection'
import type { Ed25519, SigningKey } from '../session/ed25519'
import { Negotiation } from '../session/negotiation'
import type { Input, Output, PairState, Role } from '../session/pair'
import { type PairIds, Signer, Verifier } from '../session/trust'
import { type Bytes, fromBase64 } from '../wire/content'

/** Chat messages of which the ids are remembered, so that a repeat is shown once. */
const MAX_CHAT_IDS = 512

export interface PairEvents {
  onSend(envelope: Envelope): void
  onState(state: PairState): void
  onOpen(): void
  onHeard(message: ChannelMessage): void
  onTrack(track: MediaStreamTrack, receiver: RTCRtpReceiver): void
  /** There may be an earlier deadline than before. */
  onDeadline(): void
}

export interface PairLinks {
  key: SigningKey
  ed25519: Ed25519
  servers: RTCIceServer[]
  iceServers(): Promise<RTCIceServer[]>
  tracks: Tracks
}

interface Size {
  width: number
  height: number
}

export class Pair {
  readonly device: string
  readonly join: string
  readonly #negotiation: Negotiation
  readonly #signer: Signer
  readonly #verifier: Verifier
  readonly #links: PairLinks
  readonly #events: PairEvents
  readonly #chatIds = new Set<string>()
  #peer: Peer
  #tracks: Tracks
  /** How large their picture is shown here, and ours there. */
  #tile: Size | undefined
  #theirTile: Size | undefined

  /** `undefined` when the participant's key is none. */
  static begin(
    ids: PairIds,
    participant: Participant,
    role: Role,
    links: PairLinks,
    events: PairEvents,
  ): Pair | undefined {
    const key = fromBase64(participant.key)
    return key?.length === 32 ? new Pair(ids, key, role, links, events) : undefined
  }

  private constructor(ids: PairIds, theirs: Bytes, role: Role, links: PairLinks, events: PairEvents) {
    this.device = ids.them
    this.join = ids.theirJoin
    this.#links = links
    this.#events = events
    this.#tracks = links.tracks
    this.#negotiation = new Negotiation(performance.now(), role)
    this.#signer = new Signer(ids, links.key)
    this.#verifier = new Verifier(ids, theirs, links.ed25519.verify)
    this.#peer = this.#connect(false)
  }

  /** A signed signal came. */
  open(envelope: Envelope): void {
    void this.#verifier.open(envelope).then((opened) => {
      if ('signal' in opened) this.feed({ type: 'remote', signal: opened.signal })
      else console.warn('a signal is refused:', opened.refused)
    })
  }

  /** Something happened. */
  feed(input: Input): void {
    this.#carryOut(this.#negotiation.handle(performance.now(), input))
    this.#events.onDeadline()
  }

  /** Does what is due. */
  poll(): void {
    this.#carryOut(this.#negotiation.poll(performance.now()))
  }

  deadline(): number | undefined {
    return this.#negotiation.nextDeadline()
  }

  /** How large their picture is shown here. */
  showIn(width: number, height: number): void {
    this.#tile = { width, height }
    this.say({ type: 'tile', width, height })
  }

  /** Sends other tracks from now on. */
  setTracks(tracks: Tracks): void {
    this.#tracks = tracks
    this.#peer.setTracks(tracks)
  }

  /** Says something to the other side, if it can be reached. Says whether it could. */
  say(message: ChannelMessage): boolean {
    return this.#peer.say(message)
  }

  close(): void {
    this.#peer.close()
  }

  /** A connection of which nothing is negotiated yet. The servers that are known here are of when the call began. */
  #connect(serversAreOld: boolean): Peer {
    const servers = { known: this.#links.servers, old: serversAreOld, ask: this.#links.iceServers }
    return new Peer(servers, this.#tracks, {
      onInput: (input) => this.feed(input),
      onOpen: () => {
        if (this.#tile) this.say({ type: 'tile', ...this.#tile })
        this.#events.onOpen()
      },
      onHeard: (message) => this.#heard(message),
      onTrack: this.#events.onTrack,
    })
  }

  #renew(): void {
    this.#peer.close()
    this.#peer = this.#connect(true)
    if (this.#theirTile) this.#peer.setTile(this.#theirTile.width, this.#theirTile.height)
  }

  #carryOut(outputs: Output[]): void {
    for (const output of outputs) {
      switch (output.type) {
        case 'renew':
          this.#renew()
          break
        case 'send':
          void this.#signer.sign(output.signal).then((envelope) => this.#events.onSend(envelope))
          break
        case 'state':
          this.#events.onState(output.state)
          break
        case 'bad_signal':
          console.warn('a description of theirs cannot be applied')
          break
        default:
          this.#peer.do(output)
      }
    }
  }

  #heard(message: ChannelMessage): void {
    switch (message.type) {
      case 'bye':
        this.feed({ type: 'remote', signal: { type: 'bye' } })
        break
      case 'tile':
        this.#theirTile = { width: message.width, height: message.height }
        this.#peer.setTile(message.width, message.height)
        break
      case 'chat':
        if (this.#isNew(message.id)) this.#events.onHeard(message)
        break
      default:
        this.#events.onHeard(message)
    }
  }

  #isNew(id: string): boolean {
    if (this.#chatIds.has(id)) return false
    // A set keeps the order in which things came into it.
    const [oldest] = this.#chatIds
    if (this.#chatIds.size >= MAX_CHAT_IDS && oldest !== undefined) this.#chatIds.delete(oldest)
    this.#chatIds.add(id)
    return true
  }
}
