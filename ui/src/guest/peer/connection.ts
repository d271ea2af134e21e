// One RTCPeerConnection: does what Negotiation orders, one after another, and tells what came of it.
//
// In order, because each step changes what the next means. Browsers make transceivers of their own for an offer that comes, so ours are
// made for the first offer only, thrown away when that is rolled back, and those of the other side's offer are taken instead.

import { ufrags } from '../session/candidates'
import type { Input, Output } from '../session/pair'
import { type ChannelMessage, CONTROL_CHANNEL, readChannelMessage } from '../wire/pair'
import { encodingFor } from './encoding'

/** Channels that the other side may open. */
const MAX_CHANNELS = 4
/** Control messages are far below 1 kB, chat is at most 16 kB of UTF-8. */
const MAX_MESSAGE = 32 * 1024
/** What fresh TURN credentials may take before a restart goes on with the old ones. */
const SERVERS_WITHIN_MS = 2_000

/** What this side sends; `null` while there is none. */
export interface Tracks {
  audio: MediaStreamTrack | null
  video: MediaStreamTrack | null
}

/** STUN and TURN, and who knows fresh credentials for them. */
export interface Servers {
  known: RTCIceServer[]
  old: boolean
  ask(): Promise<RTCIceServer[]>
}

export interface PeerEvents {
  /** For the session. */
  onInput(input: Input): void
  /** The control channel is open. */
  onOpen(): void
  /** The other side says on the control channel. */
  onHeard(message: ChannelMessage): void
  /** What the other side sends, or may send one day. */
  onTrack(track: MediaStreamTrack, receiver: RTCRtpReceiver): void
}

/** A step of the connection; `renew`, `send`, `bad_signal` and `state` are not its own. */
export type Step = Exclude<Output, { type: 'renew' | 'send' | 'bad_signal' | 'state' }>

export class Peer {
  readonly #connection: RTCPeerConnection
  readonly #events: PeerEvents
  readonly #askServers: () => Promise<RTCIceServer[]>
  /** Whether the credentials of the servers may have expired before the first description. */
  #serversAreOld: boolean
  /** What both of our tracks belong to, so that the other side plays them in step. */
  readonly #stream = new MediaStream()
  #tracks: Tracks
  #tile: { width: number; height: number } | undefined
  #channels: RTCDataChannel[] = []
  #speaker: RTCDataChannel | undefined
  #line: Promise<void> = Promise.resolve()
  #negotiated = false
  #closed = false

  /** STUN and TURN servers are asked for again at each restart, and before the first description where those that are given are old. */
  constructor(servers: Servers, tracks: Tracks, events: PeerEvents) {
    this.#askServers = servers.ask
    this.#serversAreOld = servers.old
    this.#tracks = tracks
    this.#events = events
    this.#connection = new RTCPeerConnection({ iceServers: servers.known, bundlePolicy: 'max-bundle' })
    this.#listen()
  }

  /** Orders a step; steps are done in turn. */
  do(step: Step): void {
    this.#then(() => this.#step(step))
  }

  /** Says something on the control channel, if it is open. Says whether it was. */
  say(message: ChannelMessage): boolean {
    if (this.#speaker?.readyState !== 'open') return false
    this.#speaker.send(JSON.stringify(message))
    return true
  }

  /** Sends other tracks from now on. */
  setTracks(tracks: Tracks): void {
    this.#tracks = tracks
    this.#then(() => this.#attach())
  }

  /** The other side shows our picture in this size, in physical pixels. */
  setTile(width: number, height: number): void {
    this.#tile = { width, height }
    this.#then(() => this.#encode())
  }

  close(): void {
    this.#closed = true
    this.#connection.close()
  }

  #listen(): void {
    const connection = this.#connection
    connection.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate) return
      const described = ufrags(connection.localDescription?.sdp ?? '')[0] ?? null
      this.#tell({
        type: 'local_candidate',
        candidate: {
          candidate: candidate.candidate,
          mid: candidate.sdpMid,
          line: candidate.sdpMLineIndex,
          ufrag: candidate.usernameFragment ?? described,
        },
      })
    }
    connection.onconnectionstatechange = () => {
      const { connectionState } = connection
      if (connectionState === 'connected') this.#then(() => this.#encode())
      if (
        connectionState === 'connected' ||
        connectionState === 'disconnected' ||
        connectionState === 'failed'
      )
        this.#tell({ type: 'link', link: connectionState })
    }
    connection.ondatachannel = ({ channel }) => {
      if (channel.label === CONTROL_CHANNEL && this.#channels.length < MAX_CHANNELS) this.#hear(channel)
      else channel.close()
    }
    connection.ontrack = ({ track, receiver }) => {
      if (!this.#closed) this.#events.onTrack(track, receiver)
    }
  }

  #tell(input: Input): void {
    if (!this.#closed) this.#events.onInput(input)
  }

  /** When offers collided there may be two channels: each side speaks on the first that opened and listens on both. */
  #hear(channel: RTCDataChannel): void {
    this.#channels.push(channel)
    channel.onopen = () => {
      if (this.#speaker || this.#closed) return
      this.#speaker = channel
      this.#events.onOpen()
    }
    channel.onmessage = ({ data }) => {
      if (this.#closed || typeof data !== 'string' || data.length > MAX_MESSAGE) return
      const message = readChannelMessage(data)
      if (message) this.#events.onHeard(message)
    }
  }

  #then(work: () => Promise<void>): void {
    this.#line = this.#line.then(async () => {
      if (this.#closed) return
      try {
        await work()
      } catch (error) {
        if (!this.#closed) console.warn('the connection refuses a step', error)
      }
    })
  }

  async #step(step: Step): Promise<void> {
    switch (step.type) {
      case 'make_offer':
        return this.#answerWith(step.exchange, async () => {
          const sdp = await this.#offer(step.restart)
          return { type: 'offer_made', exchange: step.exchange, sdp }
        })
      case 'apply_offer':
        return this.#answerWith(step.exchange, async () => {
          const sdp = await this.#answer(step.sdp)
          return { type: 'answer_made', exchange: step.exchange, sdp }
        })
      case 'apply_answer':
        return this.#answerWith(step.exchange, async () => {
          await this.#connection.setRemoteDescription({ type: 'answer', sdp: step.sdp })
          this.#negotiated = true
          await this.#encode()
          return { type: 'answer_applied', exchange: step.exchange }
        })
      case 'rollback':
        return this.#rollback()
      case 'add_candidate': {
        const { candidate, mid, line, ufrag } = step.candidate
        // One that the browser cannot use (another address family, say) is no harm: others come.
        await this.#connection
          .addIceCandidate({ candidate, sdpMid: mid, sdpMLineIndex: line, usernameFragment: ufrag })
          .catch((error) => console.warn('a candidate that cannot be used', error))
      }
    }
  }

  async #answerWith(exchange: number, work: () => Promise<Input>): Promise<void> {
    try {
      this.#tell(await work())
    } catch (error) {
      if (this.#closed) return
      console.warn('a description cannot be applied', error)
      this.#tell({ type: 'refused', exchange })
    }
  }

  async #offer(restart: boolean): Promise<string> {
    const connection = this.#connection
    if (this.#channels.length === 0)
      this.#hear(connection.createDataChannel(CONTROL_CHANNEL, { ordered: true }))
    if (this.#ours().length === 0) {
      for (const kind of ['audio', 'video'] as const)
        connection.addTransceiver(kind, { direction: 'sendrecv', streams: [this.#stream] })
    }
    await this.#attach()
    if (restart || this.#serversAreOld) await this.#renewServers()
    const offer = await connection.createOffer({ iceRestart: restart })
    await connection.setLocalDescription(offer)
    return offer.sdp ?? ''
  }

  async #answer(sdp: string): Promise<string> {
    const connection = this.#connection
    if (this.#negotiated || this.#serversAreOld) await this.#renewServers()
    await connection.setRemoteDescription({ type: 'offer', sdp })
    try {
      for (const transceiver of this.#ours()) {
        transceiver.direction = 'sendrecv'
        transceiver.sender.setStreams(this.#stream)
      }
      await this.#attach()
      const answer = await connection.createAnswer()
      await connection.setLocalDescription(answer)
      this.#negotiated = true
      await this.#encode()
      return answer.sdp ?? ''
    } catch (error) {
      // Half applied; the next offer must find the connection as it was.
      await connection.setRemoteDescription({ type: 'rollback' })
      throw error
    }
  }

  async #rollback(): Promise<void> {
    if (this.#connection.signalingState !== 'have-local-offer') return
    await this.#connection.setLocalDescription({ type: 'rollback' })
    for (const transceiver of this.#connection.getTransceivers())
      if (transceiver.mid === null) transceiver.stop()
  }

  async #renewServers(): Promise<void> {
    this.#serversAreOld = false
    const old = new Promise<undefined>((resolve) => setTimeout(resolve, SERVERS_WITHIN_MS))
    const iceServers = await Promise.race([this.#askServers().catch(() => undefined), old])
    if (iceServers && !this.#closed)
      this.#connection.setConfiguration({ ...this.#connection.getConfiguration(), iceServers })
  }

  /** The first transceiver of each kind that lives. */
  #ours(): RTCRtpTransceiver[] {
    const living = this.#connection.getTransceivers().filter(({ direction }) => direction !== 'stopped')
    const first = (kind: string) => living.find(({ receiver }) => receiver.track.kind === kind)
    return [first('audio'), first('video')].filter((one) => one !== undefined)
  }

  async #attach(): Promise<void> {
    for (const transceiver of this.#ours()) {
      const { sender, receiver } = transceiver
      const track = receiver.track.kind === 'audio' ? this.#tracks.audio : this.#tracks.video
      if (sender.track !== track) await sender.replaceTrack(track)
      if (receiver.track.kind === 'video') preferVp8(transceiver)
    }
  }

  async #encode(): Promise<void> {
    const video = this.#ours().find(({ receiver }) => receiver.track.kind === 'video')?.sender
    if (!video?.track || !this.#negotiated) return
    const wanted = encodingFor(video.track.getSettings(), this.#tile)
    const parameters = video.getParameters()
    const [encoding] = parameters.encodings
    // Firefox has none before the first packet; it is asked again when the connection stands.
    if (!encoding) return
    Object.assign(encoding, wanted)
    await video.setParameters(parameters)
  }
}

/** The app speaks VP8 alone; between browsers it is what every one of them has. */
function preferVp8(transceiver: RTCRtpTransceiver): void {
  const all = RTCRtpReceiver.getCapabilities('video')?.codecs
  if (!all || !('setCodecPreferences' in transceiver)) return
  const isVp8 = ({ mimeType }: { mimeType: string }) => mimeType.toLowerCase() === 'video/vp8'
  transceiver.setCodecPreferences([...all.filter(isVp8), ...all.filter((codec) => !isVp8(codec))])
}
