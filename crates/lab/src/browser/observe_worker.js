// Looks at the frames of a call beside the page that holds it: when each came, how large it was, and what its code says.
//
// Of a decoded frame the code's strip of luma is copied and no more. Encoded frames are kept as they come, before they are decoded, in
// an IVF file, as the lab's own peers do.
const IVF = { header: 32, frame: 12, ticks: 90_000 }

const now = () => performance.timeOrigin + performance.now()
const notes = { seen: [], own: [], problem: null }
const sound = []
const encoded = []
let geometry

/** The bits of the code in hexadecimal, or null where there is no contrast. */
async function code(frame) {
  const [across, left, top, columns, rows, minContrast] = geometry
  const { x, y, width } = frame.visibleRect
  const block = width / across
  // Planes of colour are half as large: what is copied begins and ends on even pixels.
  const even = (value) => Math.floor(value / 2) * 2
  const [from, above] = [even(left * block), even(top * block)]
  const rect = {
    x: x + from,
    y: y + above,
    width: even((left + columns) * block - from) + 2,
    height: even((top + rows) * block - above) + 2,
  }
  if (!/^(I420|NV12)/.test(frame.format)) throw new Error(`frames are ${frame.format}`)
  const pixels = new Uint8Array(frame.allocationSize({ rect }))
  const [luma] = await frame.copyTo(pixels, { rect })
  const blocks = []
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      // A block's middle half, in both directions.
      const begin = (at, offset) => Math.floor((at + 0.25) * block) - offset
      const end = (at, offset) => Math.max(begin(at, offset) + 1, Math.floor((at + 0.75) * block) - offset)
      let sum = 0
      let count = 0
      for (let line = begin(top + row, above); line < end(top + row, above); line++)
        for (let pixel = begin(left + column, from); pixel < end(left + column, from); pixel++) {
          sum += pixels[luma.offset + line * luma.stride + pixel]
          count += 1
        }
      blocks.push(sum / count)
    }
  const [low, high] = [Math.min(...blocks), Math.max(...blocks)]
  if (high - low < minContrast) return null
  let hex = ''
  for (let at = 0; at < blocks.length; at += 4) {
    let digit = 0
    for (let bit = 0; bit < 4; bit++) digit = digit * 2 + (blocks[at + bit] > (low + high) / 2 ? 1 : 0)
    hex += digit.toString(16)
  }
  return hex
}

async function see(frame, into) {
  const at = now()
  const { width, height } = frame.visibleRect
  into.push([at, width, height, await code(frame)])
}

function hear(data) {
  const samples = new Float32Array(data.numberOfFrames)
  data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' })
  sound.push({ rate: data.sampleRate, pcm: Int16Array.from(samples, (it) => Math.max(-1, Math.min(1, it)) * 32767) })
}

async function follow(readable, whose) {
  const reader = readable.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    try {
      if (whose === 'heard') hear(value)
      else await see(value, notes[whose])
    } catch (error) {
      notes.problem ??= String(error)
    } finally {
      value.close()
    }
  }
}

self.onrtctransform = async ({ transformer }) => {
  const reader = transformer.readable.getReader()
  const writer = transformer.writable.getWriter()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    encoded.push({ time: value.getMetadata().rtpTimestamp ?? value.timestamp, data: value.data.slice(0) })
    await writer.write(value)
  }
}

function ivf() {
  const file = new Uint8Array(encoded.reduce((sum, { data }) => sum + IVF.frame + data.byteLength, IVF.header))
  const view = new DataView(file.buffer)
  file.set(new TextEncoder().encode('DKIF'))
  view.setUint16(6, IVF.header, true)
  file.set(new TextEncoder().encode('VP80'), 8)
  view.setUint32(16, IVF.ticks, true)
  view.setUint32(20, 1, true)
  view.setUint32(24, encoded.length, true)
  let at = IVF.header
  for (const { time, data } of encoded) {
    view.setUint32(at, data.byteLength, true)
    view.setUint32(at + 4, (time - encoded[0].time) >>> 0, true)
    file.set(new Uint8Array(data), at + IVF.frame)
    at += IVF.frame + data.byteLength
  }
  return file
}

function pcm() {
  const all = new Int16Array(sound.reduce((sum, { pcm }) => sum + pcm.length, 0))
  let at = 0
  for (const { pcm } of sound) {
    all.set(pcm, at)
    at += pcm.length
  }
  return new Uint8Array(all.buffer)
}

self.onmessage = ({ data, ports }) => {
  if (data.geometry) geometry = data.geometry
  if (data.follow) void follow(data.follow, data.whose)
  if (data.forget) {
    sound.length = 0
    encoded.length = 0
    notes.seen.length = 0
  }
  if (data.take === 'notes') ports[0].postMessage(notes)
  if (data.take === 'pictures') ports[0].postMessage({ bytes: ivf() })
  if (data.take === 'sound') ports[0].postMessage({ bytes: pcm(), rate: sound[0]?.rate ?? null })
}
