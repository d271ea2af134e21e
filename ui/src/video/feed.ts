// All picture streams of the window: one outstanding pull for all of them, a decoder each, and one animation frame that draws the
// newest due picture of each. The pull is the back-pressure: while a decoder is behind, nothing more is asked for, and Rust thins
// out what it has. It runs only while somebody looks.

import type { VideoPacket } from '../backend/backend'
import { RustClock } from './clock'
import { type Picture, type StreamSource, VideoStream } from './stream'

export interface FeedSource<P extends Picture> {
  pull(): Promise<VideoPacket[]>
  requestKeyframe(stream: string): void
  makeDecoder: StreamSource<P>['makeDecoder']
  /** Monotonic milliseconds. */
  now(): number
  /** Calls back when something can be drawn; the returned function takes it back. */
  onFrame(callback: () => void): () => void
  /** Resolves after `milliseconds`. */
  wait(milliseconds: number): Promise<void>
}

/** Chunks in one decoder beyond which the next pull waits. */
const BUSY_BACKLOG = 8
/** How often a busy decoder is looked at again: half a frame at 30 fps. */
const BUSY_WAIT_MS = 16
/** Between pulls that are refused: nothing is open yet, or no more. The longest wait may delay a call's first picture, so it is short. */
const RETRY_MIN_MS = 30
const RETRY_MAX_MS = 240

type Draw<P> = (picture: P) => void

export class VideoFeed<P extends Picture> {
  readonly #source: FeedSource<P>
  readonly #clock = new RustClock()
  readonly #views = new Map<string, { stream: VideoStream<P>; draws: Set<Draw<P>> }>()
  #pulling = false
  #cancelFrame: (() => void) | undefined

  constructor(source: FeedSource<P>) {
    this.#source = source
  }

  /** Gives every due picture of `stream` to `draw`, which must not keep it, until the returned function is called. */
  attach(stream: string, draw: Draw<P>): () => void {
    let view = this.#views.get(stream)
    if (!view) {
      view = { stream: this.#open(stream), draws: new Set() }
      this.#views.set(stream, view)
      // Whoever comes late would wait for the next keyframe: a running stream sends none by itself.
      this.#source.requestKeyframe(stream)
    }
    view.draws.add(draw)
    this.#pull()
    this.#schedule()

    const attached = view
    return () => {
      attached.draws.delete(draw)
      if (attached.draws.size > 0 || this.#views.get(stream) !== attached) return
      this.#views.delete(stream)
      attached.stream.close()
      if (this.#views.size === 0) {
        this.#cancelFrame?.()
        this.#cancelFrame = undefined
      }
    }
  }

  #open(stream: string): VideoStream<P> {
    return new VideoStream<P>({
      makeDecoder: this.#source.makeDecoder,
      requestKeyframe: () => this.#source.requestKeyframe(stream),
    })
  }

  async #pull(): Promise<void> {
    if (this.#pulling) return
    this.#pulling = true
    let retry = RETRY_MIN_MS
    while (this.#views.size > 0) {
      if (this.#busy()) {
        await this.#source.wait(BUSY_WAIT_MS)
        continue
      }
      try {
        this.#receive(await this.#source.pull())
        retry = RETRY_MIN_MS
      } catch {
        await this.#source.wait(retry)
        retry = Math.min(retry * 2, RETRY_MAX_MS)
      }
    }
    this.#pulling = false
  }

  #busy(): boolean {
    for (const { stream } of this.#views.values()) if (stream.backlog > BUSY_BACKLOG) return true
    return false
  }

  #receive(packets: VideoPacket[]): void {
    const now = this.#source.now()
    for (const packet of packets) {
      this.#clock.observe(packet.sent, now)
      this.#views.get(packet.stream)?.stream.push(packet, this.#clock.toLocal(packet.due, now), now)
    }
  }

  #schedule(): void {
    if (this.#cancelFrame) return
    this.#cancelFrame = this.#source.onFrame(() => {
      this.#cancelFrame = undefined
      this.#draw()
      if (this.#views.size > 0) this.#schedule()
    })
  }

  #draw(): void {
    const now = this.#source.now()
    for (const { stream, draws } of this.#views.values()) {
      const picture = stream.take(now)
      if (!picture) continue
      for (const draw of draws) draw(picture)
      picture.close()
    }
  }
}
