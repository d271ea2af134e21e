// The bytes of one answer to `pull_video`. This is the border between `src-tauri/src/frames.rs`, which writes them, and the
// webview, which reads them here; nothing else may know the layout.
//
//   offset  size  what (little endian)
//   0       4     u32: length H of the header in bytes
//   4       H     header: UTF-8 JSON, an array with one object for each packet, oldest first
//                   [{"stream":"self","keyframe":true,"due":1764…,"sent":1764…,"timestamp":…,"width":1280,"height":720,"size":N}]
//   4+H     ΣN    payloads: each packet's encoded picture (VP8), `size` bytes, in the header's order, nothing between them
//
// `stream`     'self', 'preview', or the device id of a peer.
// `due`        when the picture is due, Unix milliseconds of Rust's clock (a float or an integer).
// `sent`       Rust's clock when this answer was written, the same in every packet of one answer. The webview keeps the smallest
//              difference to its own clock (see clock.ts), so an answer that waited in the pipe does not delay the pictures after it.
// `timestamp`  RTP time in microseconds, strictly increasing within a stream: it names the picture to the decoder.
// `width`, `height`  of the coded picture in pixels; 0 when they are not known (delta frames carry none in VP8).
//
// JSON and not a packed struct: the header is under 200 bytes a picture, and both ends can print it.

import type { VideoPacket } from '../backend/backend'

interface Header {
  stream: string
  keyframe: boolean
  due: number
  sent: number
  timestamp: number
  width: number
  height: number
  size: number
}

/** Bytes that are not an answer to `pull_video`. */
export class BadPacket extends Error {}

const LENGTH_BYTES = 4

/** Reads one answer; payloads are views into `buffer`, not copies. Throws {@link BadPacket} on anything malformed. */
export function parsePackets(buffer: ArrayBuffer): VideoPacket[] {
  if (buffer.byteLength < LENGTH_BYTES) throw new BadPacket('shorter than its length field')
  const headerLength = new DataView(buffer).getUint32(0, true)
  if (LENGTH_BYTES + headerLength > buffer.byteLength) throw new BadPacket('header longer than the answer')

  const headers = parseHeaders(new Uint8Array(buffer, LENGTH_BYTES, headerLength))
  let offset = LENGTH_BYTES + headerLength
  return headers.map(({ size, ...packet }) => {
    if (offset + size > buffer.byteLength) throw new BadPacket('payload longer than the answer')
    const data = new Uint8Array(buffer, offset, size)
    offset += size
    return { ...packet, data }
  })
}

/** The inverse of {@link parsePackets}; tests and the fake speak through it. */
export function writePackets(packets: readonly VideoPacket[]): ArrayBuffer {
  const headers = packets.map(({ data, ...rest }) => ({ ...rest, size: data.byteLength }))
  const header = new TextEncoder().encode(JSON.stringify(headers))
  const total = packets.reduce(
    (sum, packet) => sum + packet.data.byteLength,
    LENGTH_BYTES + header.byteLength,
  )
  const bytes = new Uint8Array(total)
  new DataView(bytes.buffer).setUint32(0, header.byteLength, true)
  bytes.set(header, LENGTH_BYTES)
  let offset = LENGTH_BYTES + header.byteLength
  for (const { data } of packets) {
    bytes.set(data, offset)
    offset += data.byteLength
  }
  return bytes.buffer
}

function parseHeaders(bytes: Uint8Array): Header[] {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new BadPacket('header is not JSON')
  }
  if (!Array.isArray(value) || !value.every(isHeader)) throw new BadPacket('header is not a list of packets')
  return value
}

function isHeader(value: unknown): value is Header {
  if (typeof value !== 'object' || value === null) return false
  const header = value as Record<string, unknown>
  return (
    typeof header.stream === 'string' &&
    typeof header.keyframe === 'boolean' &&
    isFiniteNumber(header.due) &&
    isFiniteNumber(header.sent) &&
    isFiniteNumber(header.timestamp) &&
    isCount(header.width) &&
    isCount(header.height) &&
    isCount(header.size)
  )
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
