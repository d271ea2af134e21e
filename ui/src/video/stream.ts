// One picture stream: packets in, the picture that is due out. Pure bookkeeping around a decoder that it is given, told the time,
// so that a test runs it with a fake one. Delta frames are never dropped from the middle: what cannot be decoded is skipped up to
// the next keyframe, which is asked for.

import type { VideoPacket } from '../backend/backend'

/** The part of WebCodecs' VideoFrame that is used here. */
export interface Picture {
  readonly timestamp: number
  readonly displayWidth: number
  readonly displayHeight: number
  close(): void
}

/** The part of WebCodecs' VideoDecoder that is used here. */
export interface Decoder {
  /** Chunks handed over and not yet decoded. */
  readonly backlog: number
  decode(packet: VideoPacket): void
  close(): void
}

export interface StreamSource<P extends Picture> {
  makeDecoder(onPicture: (picture: P) => void, onError: (reason: unknown) => void): Decoder
  requestKeyframe(): void
}

/** Pictures kept until they are due. More than this is half a second at 30 fps: then the oldest goes. */
const MAX_PENDING = 15
/** Chunks in the decoder beyond which it will not catch up; skipping to a keyframe costs less than the delay. */
const MAX_BACKLOG = 45
/** A picture this far in the future has a wrong clock, not patience. */
const MAX_AHEAD_MS = 1_000
/** While waiting, the request for a keyframe is repeated this often: it or the answer may be lost. */
const KEYFRAME_RETRY_MS = 1_000

export class VideoStream<P extends Picture> {
  readonly #source: StreamSource<P>
  #decoder: Decoder | undefined
  /** By timestamp, when each picture in the decoder is due (webview clock). Bounded by the decoder's backlog. */
  readonly #due = new Map<number, number>()
  /** Decoded, in order of being due. */
  readonly #pending: { picture: P; due: number }[] = []
  /** Nothing can be decoded until a keyframe comes. */
  #waiting = true
  #askedAt = Number.NEGATIVE_INFINITY
  /** The time that was told last, for what a decoder reports in between. */
  #now = 0
  #closed = false

  constructor(source: StreamSource<P>) {
    this.#source = source
  }

  /** Chunks in the decoder, for back-pressure. */
  get backlog(): number {
    return this.#decoder?.backlog ?? 0
  }

  /** Takes a packet that is due at `due`; both times are the webview's. */
  push(packet: VideoPacket, due: number, now: number): void {
    if (this.#closed) return
    this.#now = now
    if (this.#waiting && !packet.keyframe) {
      this.#askForKeyframe(now)
      return
    }
    if (this.backlog > MAX_BACKLOG && !packet.keyframe) {
      this.#restart(now)
      return
    }
    if (packet.keyframe && this.backlog > MAX_BACKLOG) this.#dropDecoder()

    this.#waiting = false
    this.#due.set(packet.timestamp, due)
    try {
      this.#decoder ??= this.#makeDecoder()
      this.#decoder.decode(packet)
    } catch {
      this.#restart(now)
    }
  }

  /** The newest picture that is due, which the caller must close; older ones are closed here. */
  take(now: number): P | undefined {
    let newest: P | undefined
    for (;;) {
      const first = this.#pending[0]
      if (!first || (first.due > now && first.due - now < MAX_AHEAD_MS)) return newest
      newest?.close()
      newest = first.picture
      this.#pending.shift()
    }
  }

  close(): void {
    this.#closed = true
    this.#dropDecoder()
    for (const { picture } of this.#pending.splice(0)) picture.close()
  }

  #makeDecoder(): Decoder {
    const decoder = this.#source.makeDecoder(
      (picture) => this.#decoded(picture),
      () => {
        // A decoder that was given up already has nothing more to say.
        if (this.#decoder === decoder) this.#restart(this.#now)
      },
    )
    return decoder
  }

  #decoded(picture: P): void {
    const due = this.#due.get(picture.timestamp) ?? 0
    // The decoder gives pictures in order: whatever is older and has not come out never will.
    for (const timestamp of this.#due.keys()) {
      if (timestamp <= picture.timestamp) this.#due.delete(timestamp)
    }
    if (this.#closed) {
      picture.close()
      return
    }
    this.#pending.push({ picture, due })
    if (this.#pending.length > MAX_PENDING) this.#pending.shift()?.picture.close()
  }

  #restart(now: number): void {
    this.#dropDecoder()
    this.#waiting = true
    this.#askForKeyframe(now)
  }

  #dropDecoder(): void {
    const decoder = this.#decoder
    this.#decoder = undefined
    this.#due.clear()
    try {
      decoder?.close()
    } catch {
      // A decoder that failed has closed itself already; there is nothing left to release.
    }
  }

  #askForKeyframe(now: number): void {
    if (this.#closed || now - this.#askedAt < KEYFRAME_RETRY_MS) return
    this.#askedAt = now
    this.#source.requestKeyframe()
  }
}
