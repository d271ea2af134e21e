// A connection that died, or never had a link, is replaced.

import { describe, expect, test } from 'vitest'
import { Negotiation } from '../../src/guest/session/negotiation'
import { CLEAR, StormyPair, seeded, weather } from './storm'

const WHO = [[0], [1], [0, 1]]
const seeds = Array.from({ length: 40 }, (_, seed) => seed)

const newPair = (seed: number, random: () => number, conditions = CLEAR) =>
  new StormyPair(seed, conditions, [random() < 0.5, random() < 0.5])
const renewed = (pair: StormyPair) => pair.sides.map((side) => side.renewed)

describe('a connection that breaks', () => {
  test('is replaced on both sides', async () => {
    for (const who of WHO) {
      const pair = new StormyPair(1, CLEAR, [false, true])
      await pair.runUntil(1_000, 'connected')
      for (const number of who) await pair.breakConnection(number)
      expect(who.map((number) => pair.states()[number])).toEqual(who.map(() => 'reconnecting'))
      await pair.runUntil(3_000, 'connected')
      expect(pair.agreed()).toBe(true)
      expect(renewed(pair)).toEqual([1, 1])
      const said = pair.overheard.length
      await pair.run(60_000)
      expect(pair.overheard.length, 'connected sides repeat nothing').toBe(said)
    }
  })

  test('at any time in clear weather is made up for within three seconds', async () => {
    for (const seed of seeds)
      for (const who of WHO) {
        const random = seeded(seed)
        const pair = newPair(seed, random)
        await pair.run(random() * 6_000)
        for (const number of who) await pair.breakConnection(number)
        await pair.runUntil(3_000, 'connected')
        expect(pair.agreed(), `seed ${seed}, ${who}`).toBe(true)
      }
  })

  test('at any times in a storm that passes ends in a connection', async () => {
    for (const seed of seeds) {
      const random = seeded(seed)
      const pair = newPair(seed, random, weather(random, 12_000))
      for (let breaks = 1 + Math.floor(random() * 3); breaks > 0; breaks -= 1) {
        await pair.run(random() * 4_000)
        if (pair.agreed() && random() < 0.3) pair.breakPath()
        const chance = random()
        if (chance < 0.66) await pair.breakConnection(0)
        if (chance > 0.33) await pair.breakConnection(1)
      }
      await pair.run(28_000)
      expect(pair.states(), `seed ${seed}`).toEqual(['connected', 'connected'])
      expect(pair.agreed(), `seed ${seed}`).toBe(true)
    }
  })

  test('again and again without a link is lost, and the other side is told', async () => {
    const pair = new StormyPair(2, CLEAR, [false, true])
    await pair.runUntil(1_000, 'connected')
    for (let breaks = 0; breaks < 3; breaks += 1) await pair.breakConnection(0)
    expect(pair.states()[0]).toBe('reconnecting')
    await pair.breakConnection(0)
    expect(pair.states()[0]).toBe('lost')
    await pair.run(200)
    expect(pair.states()).toEqual(['lost', 'left'])
  })

  test('counts from the last link on', async () => {
    const pair = new StormyPair(2, CLEAR, [false, true])
    for (let breaks = 0; breaks < 10; breaks += 1) {
      await pair.runUntil(3_000, 'connected')
      await pair.breakConnection(1)
    }
    await pair.runUntil(3_000, 'connected')
  })
})

test('a connection whose handshake is stuck is replaced', async () => {
  for (const number of [0, 1]) {
    const pair = new StormyPair(7, CLEAR, [false, true])
    pair.stick(number)
    await pair.run(8_000)
    expect(pair.states()).toEqual(['connecting', 'connecting'])
    expect(renewed(pair)).toEqual([0, 0])
    await pair.runUntil(2_000, 'connected')
    expect(renewed(pair)).toEqual([1, 1])
  }
})

describe('one side by itself', () => {
  const begin = () => new Negotiation(0, { offers: true, polite: false })
  const description = (kind: 'offer' | 'answer', connection: string) =>
    ({
      type: 'description',
      kind,
      sdp: `${kind}\r\na=fingerprint:sha-256 ${connection}\r\n`,
      of: null,
    }) as const

  test('renews before it offers, and what the connection before still says is out of date', () => {
    const side = begin()
    expect(side.poll(0)).toEqual([{ type: 'make_offer', exchange: 1, restart: false }])
    expect(side.handle(0, { type: 'broken' })).toEqual([
      { type: 'renew' },
      { type: 'make_offer', exchange: 3, restart: false },
    ])
    expect(side.handle(0, { type: 'offer_made', exchange: 1, sdp: 'old' })).toEqual([])
  })

  test('replaces a connection that cannot make an offer', () => {
    const side = begin()
    side.poll(0)
    expect(side.handle(0, { type: 'refused', exchange: 1 })[0]).toEqual({ type: 'renew' })
  })

  test('goes along with another connection of theirs, and with a restart of the same', () => {
    for (const polite of [true, false]) {
      const side = new Negotiation(0, { offers: false, polite })
      const first = description('offer', 'A')
      side.handle(0, { type: 'remote', signal: first })
      side.handle(0, { type: 'answer_made', exchange: 1, sdp: 'answer' })
      side.handle(0, { type: 'link', link: 'connected' })

      const restarted = { ...first, sdp: `${first.sdp}a=ice-ufrag:new\r\n` }
      const stays = side.handle(0, { type: 'remote', signal: restarted })
      expect(stays).toEqual([{ type: 'apply_offer', exchange: 2, sdp: restarted.sdp }])
      side.handle(0, { type: 'answer_made', exchange: 2, sdp: 'another' })

      const other = description('offer', 'B')
      expect(side.handle(0, { type: 'remote', signal: other })).toEqual([
        { type: 'renew' },
        { type: 'state', state: 'reconnecting' },
        { type: 'apply_offer', exchange: 4, sdp: other.sdp },
      ])
    }
  })

  test('offers when an answer is of another connection', () => {
    const side = begin()
    side.poll(0)
    side.handle(0, { type: 'offer_made', exchange: 1, sdp: 'offer' })
    side.handle(0, { type: 'remote', signal: description('answer', 'A') })
    side.handle(0, { type: 'answer_applied', exchange: 2 })
    expect(side.handle(0, { type: 'remote', signal: description('answer', 'B') })).toEqual([
      { type: 'renew' },
      { type: 'make_offer', exchange: 4, restart: false },
    ])
  })
})
