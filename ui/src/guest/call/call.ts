// A guest's part in a call: who is there, a pair with each of them, what is said. Owns the pairs and ends them; knows no screen.
//
// The wiring of crates/call/src/engine/, for a browser: the roster begins pairs, each pair's Negotiation decides, its Peer does.

import type { ChannelMessage } from '../../backend/bindings/ChannelMessage'
import type { ClientSignal } from '../../backend/bindings/ClientSignal'
import type { MediaState } from '../../backend/bindings/MediaState'
import type { Participant } from '../../backend/bindings/Participant'
import type { Tracks } from '../peer/connection'
import type { Ed25519, SigningKey } from '../session/ed25519'
import { isOver, type PairState } from '../session/pair'
import { Roster, type RosterChange } from '../session/roster'
import type { PairIds } from '../session/trust'
import type { GuestSignal } from '../wire/signal'
import { Pair } from './pair'

/** What a last message needs to get out before the connections close. */
const LAST_WORDS_MS = 150

/** Why a call ended by itself: everybody whom we were connected with was lost. */
export type CallEnd = 'lost'

export interface CallEvents {
  /** To the server. */
  onSend(signal: ClientSignal): void
  onPeer(participant: Participant, state: PairState): void
  onPeerGone(device: string): void
  onMedia(device: string, media: MediaState): void
  onTrack(device: string, track: MediaStreamTrack, receiver: RTCRtpReceiver): void
  onChat(device: string, id: string, text: string): void
  onEnd(end: CallEnd): void
}

export interface CallConfig {
  call: string
  room: string
  device: string
  key: SigningKey
  ed25519: Ed25519
  tracks: Tracks
  media: MediaState
  iceServers(): Promise<RTCIceServer[]>
}

export class Call {
  readonly #config: CallConfig
  readonly #events: CallEvents
  readonly #join = crypto.randomUUID()
  readonly #roster: Roster
  /** By device and stay. */
  readonly #pairs = new Map<string, Pair>()
  readonly #servers: Promise<RTCIceServer[]>
  /** How large each is shown, for pairs that begin later. */
  readonly #tiles = new Map<string, { width: number; height: number }>()
  #tracks: Tracks
  #media: MediaState
  #timer: ReturnType<typeof setTimeout> | undefined
  #left = false
  /** Signals wait for the first list of servers, in order. */
  #line: Promise<void>

  constructor(config: CallConfig, events: CallEvents) {
    this.#config = config
    this.#events = events
    this.#roster = new Roster(config.device)
    this.#tracks = config.tracks
    this.#media = config.media
    // Without servers people in one network still reach each other.
    this.#servers = config.iceServers().catch((error) => {
      console.warn('no STUN or TURN', error)
      return []
    })
    this.#line = this.#servers.then(() => undefined)
  }

  /** Is in the call from now on; also said again after each reconnect of the socket. */
  join(): void {
    const { call, room } = this.#config
    this.#events.onSend({ type: 'call.join', call, room, join: this.#join })
  }

  /** The server says. */
  signal(signal: GuestSignal): void {
    this.#line = this.#line.then(async () => {
      if (this.#left) return
      const servers = await this.#servers
      this.#signal(signal, servers)
    })
  }

  setTracks(tracks: Tracks): void {
    this.#tracks = tracks
    for (const pair of this.#pairs.values()) pair.setTracks(tracks)
  }

  setMedia(media: MediaState): void {
    this.#media = media
    this.#say({ type: 'state', ...media })
  }

  /** Their picture is shown here in this size, in physical pixels; 0×0 while it is hidden. */
  setTile(device: string, width: number, height: number): void {
    this.#tiles.set(device, { width, height })
    for (const pair of this.#pairs.values()) if (pair.device === device) pair.showIn(width, height)
  }

  /** Says something to everybody; gives its id, or `undefined` when nobody can be reached. */
  chat(text: string): string | undefined {
    const id = crypto.randomUUID()
    return this.#say({ type: 'chat', id, text }) > 0 ? id : undefined
  }

  /** This device's network changed. */
  networkChanged(): void {
    for (const pair of this.#pairs.values()) pair.feed({ type: 'network_changed' })
    this.#schedule()
  }

  /** Hangs up with everybody. */
  leave(): void {
    if (this.#left) return
    this.#say({ type: 'bye' })
    for (const pair of this.#pairs.values()) pair.feed({ type: 'hang_up' })
    this.#left = true
    clearTimeout(this.#timer)
    const pairs = [...this.#pairs.values()]
    this.#pairs.clear()
    setTimeout(() => {
      this.#events.onSend({ type: 'call.leave', call: this.#config.call })
      for (const pair of pairs) pair.close()
    }, LAST_WORDS_MS)
  }

  #say(message: ChannelMessage): number {
    let heard = 0
    for (const pair of this.#pairs.values()) if (pair.say(message)) heard += 1
    return heard
  }

  #signal(signal: GuestSignal, servers: RTCIceServer[]): void {
    if (!('call' in signal) || signal.call !== this.#config.call) return
    switch (signal.type) {
      case 'call.roster':
        this.#changed(this.#roster.replace(signal.members), servers)
        break
      case 'call.joined':
        this.#changed(this.#roster.joined(signal.participant), servers)
        break
      case 'call.left':
        this.#changed(this.#roster.left(signal.device, signal.join), servers)
        break
      case 'call.signal':
        this.#pairs.get(`${signal.from}/${signal.envelope.from_join}`)?.open(signal.envelope)
    }
  }

  #changed(changes: RosterChange[], servers: RTCIceServer[]): void {
    for (const change of changes) {
      if (change.type === 'came') this.#came(change.participant, change.weOffer, servers)
      else this.#pairs.get(`${change.device}/${change.join}`)?.feed({ type: 'present', present: false })
    }
    this.#schedule()
  }

  #came(participant: Participant, weOffer: boolean, servers: RTCIceServer[]): void {
    const { device, join } = participant
    const known = this.#pairs.get(`${device}/${join}`)
    if (known) {
      known.feed({ type: 'present', present: true })
      return
    }
    const { call, device: me, key, ed25519, iceServers } = this.#config
    const ids: PairIds = { call, me, myJoin: this.#join, them: device, theirJoin: join }
    const role = { offers: weOffer, polite: me < device }
    const links = { key, ed25519, servers, iceServers, tracks: this.#tracks }
    const pair = Pair.begin(ids, participant, role, links, {
      onSend: (envelope) => this.#events.onSend({ type: 'call.signal', call, to: device, envelope }),
      onState: (state) => this.#state(pair, participant, state),
      onOpen: () => pair?.say({ type: 'state', ...this.#media }),
      onHeard: (message) => this.#heard(device, message),
      onTrack: (track, receiver) => this.#events.onTrack(device, track, receiver),
      onDeadline: () => this.#schedule(),
    })
    if (!pair) {
      console.warn('a participant without a usable key', device)
      return
    }
    for (const older of this.#pairs.values()) if (older.device === device) this.#drop(older)
    this.#pairs.set(`${device}/${join}`, pair)
    const tile = this.#tiles.get(device)
    if (tile) pair.showIn(tile.width, tile.height)
    this.#events.onPeer(participant, 'connecting')
    pair.poll()
  }

  #heard(device: string, message: ChannelMessage): void {
    switch (message.type) {
      case 'state':
        this.#events.onMedia(device, { microphone: message.microphone, camera: message.camera })
        break
      case 'chat':
        this.#events.onChat(device, message.id, message.text)
    }
  }

  #state(pair: Pair | undefined, participant: Participant, state: PairState): void {
    if (!pair || !this.#pairs.has(`${pair.device}/${pair.join}`)) return
    if (!isOver(state)) {
      this.#events.onPeer(participant, state)
      return
    }
    this.#drop(pair)
    this.#events.onPeerGone(pair.device)
    if (state === 'lost' && this.#pairs.size === 0) this.#events.onEnd('lost')
  }

  #drop(pair: Pair): void {
    this.#pairs.delete(`${pair.device}/${pair.join}`)
    // What it has just signed goes out before its connection closes.
    setTimeout(() => pair.close(), LAST_WORDS_MS)
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    const deadlines = [...this.#pairs.values()]
      .map((pair) => pair.deadline())
      .filter((at) => at !== undefined)
    if (deadlines.length === 0 || this.#left) return
    const wait = Math.max(0, Math.min(...deadlines) - performance.now())
    this.#timer = setTimeout(() => {
      for (const pair of [...this.#pairs.values()]) pair.poll()
      this.#schedule()
    }, wait)
  }
}
