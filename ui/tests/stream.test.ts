import { describe, expect, test } from 'vitest'
import type { VideoPacket } from '../src/backend/backend'
import { RustClock } from '../src/video/clock'
import { VideoFeed } from '../src/video/feed'
import { type Decoder, type Picture, VideoStream } from '../src/video/stream'

class FakePicture implements Picture {
  closed = false
  readonly displayWidth = 640
  readonly displayHeight = 360
  constructor(readonly timestamp: number) {}
  close(): void {
    if (this.closed) throw new Error('closed twice')
    this.closed = true
  }
}

/** A decoder that decodes when it is told to, and complains of what a real one would: a delta without its keyframe. */
class FakeDecoder implements Decoder {
  readonly queue: VideoPacket[] = []
  readonly decoded: number[] = []
  closed = false
  #begun = false
  constructor(
    readonly onPicture: (picture: FakePicture) => void,
    readonly onError: (reason: unknown) => void,
    readonly made: FakePicture[],
  ) {}
  get backlog(): number {
    return this.queue.length
  }
  decode(packet: VideoPacket): void {
    if (this.closed) throw new Error('decoder is closed')
    if (!this.#begun && !packet.keyframe) throw new Error('a delta before the first keyframe')
    this.#begun = true
    this.queue.push(packet)
  }
  work(count = Number.POSITIVE_INFINITY): void {
    for (const packet of this.queue.splice(0, count)) {
      this.decoded.push(packet.timestamp)
      const picture = new FakePicture(packet.timestamp)
      this.made.push(picture)
      this.onPicture(picture)
    }
  }
  close(): void {
    if (this.closed) throw new Error('closed twice')
    this.closed = true
  }
}

function setUp() {
  const pictures: FakePicture[] = []
  const decoders: FakeDecoder[] = []
  let asked = 0
  const stream = new VideoStream<FakePicture>({
    makeDecoder(onPicture, onError) {
      const decoder = new FakeDecoder(onPicture, onError, pictures)
      decoders.push(decoder)
      return decoder
    },
    requestKeyframe: () => {
      asked += 1
    },
  })
  return {
    stream,
    pictures,
    decoders,
    asked: () => asked,
    open: () => pictures.filter(({ closed }) => !closed),
  }
}

const packet = (timestamp: number, keyframe = false, stream = 'peer'): VideoPacket => ({
  stream,
  keyframe,
  due: timestamp,
  sent: 0,
  timestamp,
  width: 640,
  height: 360,
  data: new Uint8Array(1),
})

describe('a picture stream', () => {
  test('draws the newest picture that is due and closes the older ones', () => {
    const { stream, decoders, open } = setUp()
    for (const [index, at] of [10, 20, 30, 40].entries()) stream.push(packet(at, index === 0), at, 0)
    decoders[0]?.work()
    expect(stream.take(5)).toBeUndefined()
    const shown = stream.take(30)
    expect(shown?.timestamp).toBe(30)
    shown?.close()
    expect(open().map(({ timestamp }) => timestamp)).toEqual([40])
    expect(stream.take(39)).toBeUndefined()
    expect(stream.take(40)?.timestamp).toBe(40)
  })

  test('skips deltas until a keyframe comes and asks for one, not too often', () => {
    const { stream, decoders, asked } = setUp()
    for (let at = 0; at <= 900; at += 30) stream.push(packet(at), at, at)
    expect(asked()).toBe(1)
    stream.push(packet(1_000), 1_000, 1_000)
    expect(asked()).toBe(2)
    expect(decoders).toHaveLength(0)
    stream.push(packet(1_030, true), 1_030, 1_030)
    stream.push(packet(1_060), 1_060, 1_060)
    decoders[0]?.work()
    expect(decoders[0]?.decoded).toEqual([1_030, 1_060])
  })

  test('after a decoder error waits for a keyframe and goes on with a new decoder', () => {
    const { stream, decoders, asked } = setUp()
    stream.push(packet(0, true), 0, 0)
    decoders[0]?.onError(new Error('corrupt'))
    expect(asked()).toBe(1)
    expect(decoders[0]?.closed).toBe(true)
    stream.push(packet(30), 30, 30)
    expect(decoders).toHaveLength(1)
    stream.push(packet(60, true), 60, 60)
    decoders[1]?.work()
    expect(stream.take(60)?.timestamp).toBe(60)
  })

  test('a late error of a decoder that was given up changes nothing', () => {
    const { stream, decoders, asked } = setUp()
    stream.push(packet(0, true), 0, 0)
    decoders[0]?.onError(new Error('first'))
    stream.push(packet(2_000, true), 2_000, 2_000)
    decoders[0]?.onError(new Error('again'))
    expect(asked()).toBe(1)
    expect(decoders[1]?.closed).toBe(false)
  })

  test('a decoder that throws is replaced at the next keyframe', () => {
    const { stream, decoders, asked } = setUp()
    stream.push(packet(0, true), 0, 0)
    const [broken] = decoders
    if (broken)
      broken.decode = () => {
        throw new Error('no memory')
      }
    stream.push(packet(30), 30, 30)
    expect(asked()).toBe(1)
    stream.push(packet(60, true), 60, 60)
    expect(decoders).toHaveLength(2)
  })

  test('far behind, it skips to a keyframe and drops no delta from the middle', () => {
    const { stream, decoders, asked } = setUp()
    for (let index = 0; index < 60; index += 1)
      stream.push(packet(index * 30, index === 0), index * 30, index * 30)
    expect(asked()).toBe(1)
    expect(decoders[0]?.closed).toBe(true)
    stream.push(packet(9_000, true), 9_000, 9_000)
    stream.push(packet(9_030), 9_030, 9_030)
    decoders[1]?.work()
    expect(decoders[1]?.decoded).toEqual([9_000, 9_030])
  })

  test('keeps few pictures when nobody draws, as in a hidden window', () => {
    const { stream, decoders, open } = setUp()
    for (let index = 0; index < 100; index += 1) {
      stream.push(packet(index, index === 0), index, 0)
      decoders[0]?.work()
    }
    expect(open().length).toBeLessThanOrEqual(15)
    stream.close()
    expect(open()).toHaveLength(0)
  })

  test('a picture that is due in a far future is drawn at once: its clock is wrong', () => {
    const { stream, decoders } = setUp()
    stream.push(packet(1, true), 500_000, 0)
    decoders[0]?.work()
    expect(stream.take(0)?.timestamp).toBe(1)
  })

  test('closing closes the decoder, what waits, and what comes after', () => {
    const { stream, decoders, open } = setUp()
    stream.push(packet(0, true), 0, 0)
    stream.push(packet(30), 30, 0)
    decoders[0]?.work(1)
    stream.close()
    decoders[0]?.work()
    expect(decoders[0]?.closed).toBe(true)
    expect(open()).toHaveLength(0)
  })
})

describe('Rust’s clock', () => {
  test('the fastest answer counts, the slow ones do not push pictures back', () => {
    const clock = new RustClock()
    clock.observe(1_000_000, 50)
    clock.observe(1_000_100, 650)
    clock.observe(1_000_200, 245)
    expect(clock.toLocal(1_000_300, 300)).toBe(345)
  })

  test('a clock that was set is followed after a while', () => {
    const clock = new RustClock()
    clock.observe(1_000_000, 0)
    // Set back by an hour: differences are larger now and the old smallest one must be forgotten.
    for (let at = 0; at <= 25_000; at += 100) clock.observe(1_000_000 + at - 3_600_000, at)
    expect(clock.toLocal(1_025_000 - 3_600_000, 25_000)).toBe(25_000)
  })

  test('before any answer everything is due now', () => expect(new RustClock().toLocal(5, 77)).toBe(77))
})

describe('the feed', () => {
  function setUpFeed() {
    const decoders: FakeDecoder[] = []
    const pictures: FakePicture[] = []
    const frames: (() => void)[] = []
    const asked: string[] = []
    const waits: { milliseconds: number; go: () => void }[] = []
    const pulls: { answer: (packets: VideoPacket[]) => void; refuse: () => void }[] = []
    let now = 0
    const feed = new VideoFeed<FakePicture>({
      pull: () =>
        new Promise((resolve, reject) =>
          pulls.push({ answer: resolve, refuse: () => reject(new Error('closed')) }),
        ),
      requestKeyframe: (stream) => asked.push(stream),
      makeDecoder(onPicture, onError) {
        const decoder = new FakeDecoder(onPicture, onError, pictures)
        decoders.push(decoder)
        return decoder
      },
      now: () => now,
      onFrame(callback) {
        frames.push(callback)
        return () => frames.splice(frames.indexOf(callback), 1)
      },
      wait: (milliseconds) => new Promise((resolve) => waits.push({ milliseconds, go: resolve })),
    })
    const settle = async () => {
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
    }
    return {
      feed,
      decoders,
      pictures,
      asked,
      waits,
      pulls,
      settle,
      at: (time: number) => {
        now = time
      },
      frame: () =>
        frames.splice(0).forEach((callback) => {
          callback()
        }),
      frames,
    }
  }

  test('keeps one pull outstanding for all streams and draws each on its own', async () => {
    const { feed, decoders, pulls, frame, settle } = setUpFeed()
    const drawn: string[] = []
    feed.attach('a', (picture) => drawn.push(`a${picture.timestamp}`))
    feed.attach('b', (picture) => drawn.push(`b${picture.timestamp}`))
    expect(pulls).toHaveLength(1)
    pulls[0]?.answer([packet(0, true, 'a'), packet(0, true, 'b'), packet(0, true, 'nobody looks')])
    await settle()
    expect(pulls).toHaveLength(2)
    for (const decoder of decoders) decoder.work()
    frame()
    expect(drawn).toEqual(['a0', 'b0'])
    expect(decoders).toHaveLength(2)
  })

  test('every picture that was drawn is closed', async () => {
    const { feed, decoders, pictures, pulls, frame, settle, at } = setUpFeed()
    feed.attach('a', () => {})
    pulls[0]?.answer([packet(0, true, 'a'), packet(1, false, 'a')])
    await settle()
    decoders[0]?.work()
    at(10)
    frame()
    expect(pictures).toHaveLength(2)
    expect(pictures.every(({ closed }) => closed)).toBe(true)
  })

  test('does not pull while a decoder is behind', async () => {
    const { feed, decoders, pulls, waits, settle } = setUpFeed()
    feed.attach('a', () => {})
    pulls[0]?.answer(Array.from({ length: 12 }, (_, index) => packet(index, index === 0, 'a')))
    await settle()
    expect(pulls).toHaveLength(1)
    expect(waits).toHaveLength(1)
    decoders[0]?.work(6)
    waits[0]?.go()
    await settle()
    expect(pulls).toHaveLength(2)
  })

  test('comes back after a refusal, ever more slowly, and not at all when nobody looks', async () => {
    const { feed, pulls, waits, settle } = setUpFeed()
    const detach = feed.attach('a', () => {})
    for (let round = 0; round < 6; round += 1) {
      pulls[round]?.refuse()
      await settle()
      waits[round]?.go()
      await settle()
    }
    expect(waits.map(({ milliseconds }) => milliseconds)).toEqual([30, 60, 120, 240, 240, 240])
    detach()
    pulls[6]?.refuse()
    await settle()
    waits[6]?.go()
    await settle()
    expect(pulls).toHaveLength(7)
  })

  test('who comes late asks for a keyframe; the last to go closes the decoder and stops drawing', async () => {
    const { feed, decoders, asked, pulls, frames, settle } = setUpFeed()
    const first = feed.attach('a', () => {})
    const second = feed.attach('a', () => {})
    expect(asked).toEqual(['a'])
    pulls[0]?.answer([packet(0, true, 'a')])
    await settle()
    first()
    expect(decoders[0]?.closed).toBe(false)
    second()
    expect(decoders[0]?.closed).toBe(true)
    expect(frames).toHaveLength(0)
  })
})
