import { describe, expect, test } from 'vitest'
import type { VideoPacket } from '../src/backend/backend'
import { BadPacket, parsePackets, writePackets } from '../src/video/packet'

const packet = (change: Partial<VideoPacket> = {}): VideoPacket => ({
  stream: 'self',
  keyframe: true,
  due: 1_764_000_000_123.5,
  sent: 1_764_000_000_100,
  timestamp: 33_333,
  width: 1280,
  height: 720,
  data: new Uint8Array([1, 2, 3]),
  ...change,
})

/** An answer with this header and these payload bytes, whatever they are. */
function answer(header: string, payload = 0, length = new TextEncoder().encode(header).length): ArrayBuffer {
  const bytes = new TextEncoder().encode(header)
  const all = new Uint8Array(4 + bytes.length + payload)
  new DataView(all.buffer).setUint32(0, length, true)
  all.set(bytes, 4)
  return all.buffer
}

describe('an answer to pull_video', () => {
  test('is read as it was written', () => {
    const packets = [
      packet(),
      packet({ stream: '设备', keyframe: false, data: new Uint8Array() }),
      packet({ data: new Uint8Array(70_000).fill(7) }),
    ]
    expect(parsePackets(writePackets(packets))).toEqual(packets)
    expect(parsePackets(writePackets([]))).toEqual([])
  })

  test('has exactly the documented bytes', () => {
    const bytes = new Uint8Array(writePackets([packet({ data: new Uint8Array([0xaa, 0xbb]) })]))
    const length = new DataView(bytes.buffer).getUint32(0, true)
    expect(JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)))).toEqual([
      {
        stream: 'self',
        keyframe: true,
        due: 1_764_000_000_123.5,
        sent: 1_764_000_000_100,
        timestamp: 33_333,
        width: 1280,
        height: 720,
        size: 2,
      },
    ])
    expect([...bytes.subarray(4 + length)]).toEqual([0xaa, 0xbb])
  })

  test('payloads are views of the answer, not copies', () => {
    const buffer = writePackets([packet()])
    expect(parsePackets(buffer)[0]?.data.buffer).toBe(buffer)
  })

  const good = '{"stream":"a","keyframe":true,"due":1,"sent":1,"timestamp":1,"width":1,"height":1,"size":'
  test.each([
    ['nothing', new ArrayBuffer(0)],
    ['half a length', new ArrayBuffer(3)],
    ['a header longer than all', answer('[]', 0, 4_000_000_000)],
    ['no JSON', answer('[{')],
    ['no list', answer('{}')],
    ['null', answer('null')],
    ['a list of no packets', answer('[1]')],
    ['a missing field', answer('[{"stream":"a"}]')],
    ['a payload that is not there', answer(`[${good}5}]`, 4)],
    ['a negative size', answer(`[${good}-1}]`, 4)],
    ['half a byte', answer(`[${good}0.5}]`, 4)],
    ['sizes that overflow together', answer(`[${good}9007199254740991},${good}9007199254740991}]`, 4)],
    ['bytes that are not UTF-8', new Uint8Array([2, 0, 0, 0, 0xff, 0xfe]).buffer],
  ])('%s is refused', (_, buffer) => {
    expect(() => parsePackets(buffer)).toThrow(BadPacket)
  })

  test('random bytes are refused or read, and never anything else', () => {
    let seed = 42
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff
      return seed
    }
    for (let round = 0; round < 2_000; round += 1) {
      const bytes = new Uint8Array(writePackets([packet(), packet()]))
      for (let flips = 0; flips < 1 + (random() % 4); flips += 1)
        bytes[random() % bytes.length] = random() & 0xff
      try {
        for (const { data } of parsePackets(bytes.buffer))
          expect(data.byteLength).toBeLessThanOrEqual(bytes.length)
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(BadPacket)
      }
    }
  })
})
