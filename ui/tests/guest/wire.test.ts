// What goes over the wire, compared with the snapshots of the Rust side: one side cannot change it alone.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { signingInput } from '../../src/guest/session/trust'
import { ApiProblem, readIceServers } from '../../src/guest/wire/api'
import { fromBase64, toBase64 } from '../../src/guest/wire/content'
import { isChat, MAX_CHAT, readChannelMessage, readPairSignal } from '../../src/guest/wire/pair'
import { isResumable, readSignal } from '../../src/guest/wire/signal'
import { waitBefore } from '../../src/guest/wire/socket'
import { seeded } from './storm'

/** The body of one of Rust's snapshots. */
function snapshot(name: string): string {
  const path = join(import.meta.dirname, `../../../crates/protocol/tests/snapshots/wire__${name}.snap`)
  return readFileSync(path, 'utf8').split('\n---\n').slice(1).join('\n---\n').trim()
}

const id = (number: number) => `00000000-0000-0000-0000-${String(number).padStart(12, '0')}`

describe('as Rust has it', () => {
  test('the bytes under a signature are the same', () => {
    const route = { call: id(1), from: id(2), to: id(3), fromJoin: id(4), toJoin: id(5), counter: 6 }
    const input = signingInput(route, new TextEncoder().encode('payload'))
    const hex = [...input].map((byte) => byte.toString(16).padStart(2, '0')).join('')
    expect(hex).toBe(snapshot('signing_input'))
  })

  test('every signal of a pair and every control message is read whole', () => {
    const { relayed, channel } = JSON.parse(snapshot('pair')) as { relayed: unknown[]; channel: unknown[] }
    expect(relayed.length).toBeGreaterThanOrEqual(3)
    for (const signal of relayed) expect(readPairSignal(JSON.stringify(signal))).toEqual(signal)
    expect(channel.length).toBeGreaterThanOrEqual(4)
    for (const message of channel) expect(readChannelMessage(JSON.stringify(message))).toEqual(message)
  })

  test('every signal of the server that is for guests is read whole', () => {
    const { server } = JSON.parse(snapshot('signal')) as { server: { type: string }[] }
    const forGuests = server.filter(({ type }) =>
      /^(hello|call\.(roster|joined|left|signal)|guest\.(waiting|admitted|refused|ended))$/.test(type),
    )
    expect(new Set(forGuests.map(({ type }) => type)).size).toBe(9)
    for (const signal of forGuests) {
      // Fields that are left out when they say nothing.
      const same = JSON.parse(JSON.stringify(readSignal(JSON.stringify(signal)) ?? null), (key, value) =>
        key === 'guest' && value === false ? undefined : value,
      )
      expect(same).toEqual(signal)
    }
  })
})

describe('rubbish', () => {
  const readers = { readPairSignal, readChannelMessage, readSignal }

  test('is nothing, whatever it is', () => {
    const random = seeded(7)
    const samples = ['', 'null', '[]', '1', '"bye"', '{}', '{"type":1}', '{"type":"dance"}', '{"type":"descr']
    for (const text of samples) {
      for (const [name, read] of Object.entries(readers))
        expect(read(text), `${name} ${text}`).toBeUndefined()
    }
    // Any field of any true message replaced by anything.
    const truths = ['pair', 'signal'].flatMap((name) =>
      Object.values(JSON.parse(snapshot(name)) as Record<string, Record<string, unknown>[]>).flat(),
    )
    const odd: unknown[] = [null, -1, 1.5, true, 'x', [], {}, [null], 'a'.repeat(100)]
    for (const truth of truths)
      for (const key of Object.keys(truth)) {
        const strange = { ...truth, [key]: odd[Math.floor(random() * odd.length)] }
        for (const read of Object.values(readers)) expect(() => read(JSON.stringify(strange))).not.toThrow()
      }
  })

  test('a blank or endless chat is none', () => {
    const chat = (text: string) => readChannelMessage(JSON.stringify({ type: 'chat', id: id(1), text }))
    expect(chat('hello')).toBeDefined()
    expect(chat(' \n')).toBeUndefined()
    expect(chat('𝄞'.repeat(MAX_CHAT))).toBeDefined()
    expect(chat('𝄞'.repeat(MAX_CHAT + 1))).toBeUndefined()
    expect(isChat('x'.repeat(MAX_CHAT + 1))).toBe(false)
    expect(readChannelMessage(JSON.stringify({ type: 'chat', id: 'one', text: 'x' }))).toBeUndefined()
  })
})

test('bytes survive base64, and what is none is said to be none', () => {
  const random = seeded(1)
  for (let length = 0; length < 70; length += 1) {
    const bytes = Uint8Array.from({ length }, () => random() * 256)
    expect(fromBase64(toBase64(bytes))).toEqual(bytes)
    expect(toBase64(bytes)).not.toContain('=')
  }
  expect([fromBase64('A'), fromBase64('AA=='), fromBase64('A A'), fromBase64('ä')]).toEqual(
    Array(4).fill(undefined),
  )
})

test('the star in a server’s address is the host of the page', () => {
  const body = {
    servers: [
      { urls: ['stun:*:3478', 'turn:*:3478?transport=udp'], username: 'u', credential: 'c' },
      { urls: ['stun:stun.example.org'] },
      { urls: [] },
      null,
    ],
    ttl_s: 60,
  }
  expect(readIceServers(body, 'snug.example.org')).toEqual([
    {
      urls: ['stun:snug.example.org:3478', 'turn:snug.example.org:3478?transport=udp'],
      username: 'u',
      credential: 'c',
    },
    { urls: ['stun:stun.example.org'] },
  ])
  expect(() => readIceServers({}, 'host')).toThrow(ApiProblem)
})

test('a lost socket comes back soon, then more slowly, and not all at once', () => {
  expect(waitBefore(0, 0.5)).toBe(400)
  expect(waitBefore(3, 0.5)).toBe(3200)
  expect(waitBefore(50, 1)).toBeLessThanOrEqual(10_000)
  expect(waitBefore(2, 0)).toBeLessThan(waitBefore(2, 1))
  expect([1000, 1012, 4002, 4100, 4102].map(isResumable)).toEqual([true, true, true, false, false])
})
