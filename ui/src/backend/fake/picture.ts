// The fake's camera: a drawn person who breathes, blinks and talks, encoded in VP8 as the real ones are. Where there is no encoder
// (a test's DOM) there are no pictures. Not shipped; its colours are a picture's and not the interface's.

import type { VideoPacket } from '../backend'

export interface Sitter {
  wall: [string, string]
  hair: string
  skin: string
  shirt: string
  longHair: boolean
}

export const sitters: Record<string, Sitter> = {
  self: { wall: ['#d9c3a5', '#a98b66'], hair: '#5b3a24', skin: '#e8b998', shirt: '#7a4a3a', longHair: true },
  jonas: {
    wall: ['#8fa59b', '#52685f'],
    hair: '#b98b4e',
    skin: '#eec3a3',
    shirt: '#2f4858',
    longHair: false,
  },
  lihua: { wall: ['#c9a9a0', '#8d6a66'], hair: '#231b1a', skin: '#efc7a4', shirt: '#b0623a', longHair: true },
  tomasz: {
    wall: ['#a5a9bd', '#61667f'],
    hair: '#3a3a40',
    skin: '#e3b391',
    shirt: '#56663c',
    longHair: false,
  },
}

const FPS = 24
const KEYFRAME_EVERY = 48

function draw(context: OffscreenCanvasRenderingContext2D, sitter: Sitter, seconds: number): void {
  const { width, height } = context.canvas
  const unit = height / 100
  const wall = context.createLinearGradient(0, 0, width, height)
  wall.addColorStop(0, sitter.wall[0])
  wall.addColorStop(1, sitter.wall[1])
  context.fillStyle = wall
  context.fillRect(0, 0, width, height)

  // A window's light on the wall and a shelf.
  context.fillStyle = 'rgb(255 250 235 / 0.22)'
  context.fillRect(width * 0.08, height * 0.1, width * 0.2, height * 0.42)
  context.fillStyle = 'rgb(0 0 0 / 0.16)'
  context.fillRect(width * 0.7, height * 0.3, width * 0.24, unit * 2)
  for (let book = 0; book < 7; book += 1) {
    context.fillStyle = `hsl(${(book * 47 + 15) % 360} 32% ${38 + (book % 3) * 8}%)`
    const tall = unit * (11 + ((book * 5) % 6))
    context.fillRect(width * 0.715 + book * unit * 4.6, height * 0.3 - tall, unit * 3.8, tall)
  }

  const x = width / 2 + Math.sin(seconds * 0.7) * unit * 1.6
  const y = height * 0.47 + Math.sin(seconds * 1.3) * unit * 0.5
  const oval = (cx: number, cy: number, rx: number, ry: number) => {
    context.beginPath()
    context.ellipse(cx, cy, rx, ry, 0, 0, Math.PI * 2)
    context.fill()
  }
  context.fillStyle = sitter.hair
  if (sitter.longHair) oval(x, y + unit * 7, unit * 22, unit * 30)
  context.fillStyle = sitter.shirt
  oval(x, height + unit * 8, unit * 44, unit * 36)
  context.fillStyle = sitter.skin
  context.fillRect(x - unit * 6, y + unit * 14, unit * 12, unit * 16)
  oval(x, y + unit * 30, unit * 10, unit * 6)
  oval(x, y, unit * 16, unit * 20)
  context.fillStyle = sitter.hair
  context.beginPath()
  context.ellipse(x, y - unit * 8, unit * 17.5, unit * 15, 0, Math.PI, Math.PI * 2)
  context.quadraticCurveTo(x + unit * 10, y - unit * 12, x - unit * 4, y - unit * 11)
  context.quadraticCurveTo(x - unit * 12, y - unit * 9, x - unit * 17.5, y - unit * 2)
  context.fill()

  const blink = seconds % 3.7 < 0.14
  context.fillStyle = '#2b211d'
  for (const side of [-1, 1])
    oval(x + side * unit * 6.2, y + unit, unit * 1.5, blink ? unit * 0.25 : unit * 1.8)
  const mouth = Math.abs(Math.sin(seconds * 6.5)) * Math.max(0, Math.sin(seconds * 0.9))
  context.fillStyle = '#a4524a'
  oval(x, y + unit * 10.5, unit * 4.2, unit * (0.8 + mouth * 1.9))
}

/** Draws and encodes one sitter until stopped. */
export class FakeCamera {
  readonly #encoder: VideoEncoder
  readonly #timer: ReturnType<typeof setInterval>
  #frame = 0
  #keyframeWanted = true

  constructor(
    stream: string,
    sitter: Sitter,
    width: number,
    height: number,
    out: (packet: VideoPacket) => void,
  ) {
    const canvas = new OffscreenCanvas(width, height)
    const context = canvas.getContext('2d')
    if (!context) throw new Error('no 2d canvas')
    this.#encoder = new VideoEncoder({
      output(chunk) {
        const data = new Uint8Array(chunk.byteLength)
        chunk.copyTo(data)
        const now = Date.now()
        const keyframe = chunk.type === 'key'
        out({ stream, keyframe, due: now, sent: now, timestamp: chunk.timestamp, width, height, data })
      },
      error: (reason) => console.warn('the fake camera broke', reason),
    })
    this.#encoder.configure({
      codec: 'vp8',
      width,
      height,
      bitrate: 1_200_000,
      framerate: FPS,
      latencyMode: 'realtime',
    })
    this.#timer = setInterval(() => {
      if (this.#encoder.encodeQueueSize > 2) return
      const seconds = this.#frame / FPS
      draw(context, sitter, seconds + 1)
      const frame = new VideoFrame(canvas, { timestamp: Math.round(seconds * 1_000_000) })
      this.#encoder.encode(frame, { keyFrame: this.#keyframeWanted || this.#frame % KEYFRAME_EVERY === 0 })
      frame.close()
      this.#keyframeWanted = false
      this.#frame += 1
    }, 1000 / FPS)
  }

  requestKeyframe(): void {
    this.#keyframeWanted = true
  }

  stop(): void {
    clearInterval(this.#timer)
    if (this.#encoder.state !== 'closed') this.#encoder.close()
  }
}

/** All cameras of the fake, and what of them waits to be pulled. */
export class FakeCameras {
  readonly #cameras = new Map<string, FakeCamera>()
  #pending: VideoPacket[] = []
  #waiting: ((packets: VideoPacket[]) => void) | undefined

  open(stream: string, sitter: Sitter, width = 1280, height = 720): void {
    if (typeof VideoEncoder === 'undefined' || this.#cameras.has(stream)) return
    this.#cameras.set(stream, new FakeCamera(stream, sitter, width, height, (packet) => this.#push(packet)))
  }

  close(stream: string): void {
    this.#cameras.get(stream)?.stop()
    this.#cameras.delete(stream)
  }

  closeAll(): void {
    for (const stream of [...this.#cameras.keys()]) this.close(stream)
  }

  requestKeyframe(stream: string): void {
    this.#cameras.get(stream)?.requestKeyframe()
  }

  pull(): Promise<VideoPacket[]> {
    if (this.#cameras.size === 0) return Promise.reject({ code: 'not_in_call', detail: 'no stream is open' })
    if (this.#pending.length > 0) return Promise.resolve(this.#pending.splice(0))
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  #push(packet: VideoPacket): void {
    if (this.#waiting) {
      this.#waiting([packet])
      this.#waiting = undefined
    } else if (this.#pending.length < 60) {
      this.#pending.push(packet)
    }
  }
}
