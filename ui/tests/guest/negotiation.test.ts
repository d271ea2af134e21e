import { describe, expect, test } from 'vitest'
import { Negotiation } from '../../src/guest/session/negotiation'
import { isOver } from '../../src/guest/session/pair'
import { CLEAR, SILENCE, StormyPair, seeded, weather } from './storm'

describe('in clear weather', () => {
  test('the newcomer offers and both are connected within a second', async () => {
    const pair = new StormyPair(1, CLEAR, [false, true])
    await pair.runUntil(1_000, 'connected')
    expect(pair.agreed()).toBe(true)
    expect(pair.side(0).connection.made).toBe(1)
    const said = pair.overheard.length
    await pair.run(60_000)
    expect(pair.overheard.length, 'connected sides repeat nothing').toBe(said)
  })

  test('a newcomer that does not know of us gets our offer', async () => {
    const pair = new StormyPair(1, CLEAR, [false, false])
    await pair.runUntil(6_000, 'connected')
  })

  test('glare is won by the impolite', async () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const pair = new StormyPair(seed, CLEAR, [true, true])
      await pair.runUntil(3_000, 'connected')
      expect(pair.agreed()).toBe(true)
      expect(pair.side(1).connection.local).toMatch(/^offer b/)
    }
  })

  test('a repeated offer gets its answer again unless a newer offer stands', () => {
    for (const polite of [true, false]) {
      const side = new Negotiation(0, { offers: false, polite })
      const offer = { type: 'description', kind: 'offer', sdp: 'offer', of: null } as const
      const answer = {
        type: 'send',
        signal: { type: 'description', kind: 'answer', sdp: 'answer', of: null },
      }
      const repeat = () => side.handle(0, { type: 'remote', signal: offer })
      repeat()
      side.handle(0, { type: 'answer_made', exchange: 1, sdp: 'answer' })
      expect(repeat(), 'it was lost').toContainEqual(answer)

      side.handle(0, { type: 'link', link: 'connected' })
      side.handle(0, { type: 'network_changed' })
      side.poll(0)
      side.handle(0, { type: 'offer_made', exchange: 2, sdp: 'ours' })
      const said = repeat()
      if (polite) expect(said).toContainEqual(answer)
      else expect(said, 'the offer of the impolite one stands').not.toContainEqual(answer)
    }
  })

  test('a broken path is restarted and a dead one is lost', async () => {
    const pair = new StormyPair(3, CLEAR, [false, true])
    await pair.runUntil(1_000, 'connected')
    pair.breakPath()
    await pair.runUntil(1_000, 'reconnecting')
    await pair.runUntil(5_000, 'connected')

    pair.weather = SILENCE
    pair.breakPath()
    await pair.run(29_000)
    expect(pair.states()).toEqual(['reconnecting', 'reconnecting'])
    await pair.runUntil(2_000, 'lost')
    expect(pair.side(0).negotiation.nextDeadline()).toBeUndefined()
  })

  test('a device that changes its network restarts at once', async () => {
    const pair = new StormyPair(3, CLEAR, [false, true])
    await pair.runUntil(1_000, 'connected')
    await pair.feed(0, { type: 'network_changed' })
    pair.breakPath()
    await pair.run(40)
    expect(pair.states()).toEqual(['reconnecting', 'reconnecting'])
    await pair.runUntil(1_000, 'connected')
  })

  test('one whom the server and the link lost has left', async () => {
    const pair = new StormyPair(3, CLEAR, [false, true])
    await pair.runUntil(1_000, 'connected')
    await pair.feed(0, { type: 'present', present: false })
    await pair.run(60_000)
    expect(pair.states(), 'media flows, whatever the server says').toEqual(['connected', 'connected'])
    pair.weather = SILENCE
    pair.breakPath()
    await pair.run(6_000)
    expect(pair.states()).toEqual(['left', 'reconnecting'])
  })

  test('hanging up ends both', async () => {
    const pair = new StormyPair(4, CLEAR, [false, true])
    await pair.runUntil(1_000, 'connected')
    await pair.feed(0, { type: 'hang_up' })
    await pair.runUntil(200, 'left')
  })

  test('rubbish is said and the pair goes on', async () => {
    const pair = new StormyPair(5, CLEAR, [false, true])
    await pair.send(1, { type: 'description', kind: 'offer', sdp: 'v=rubbish', of: null })
    await pair.runUntil(3_000, 'connected')
    expect(pair.side(0).bad).toBe(1)
  })

  test('whatever is replayed later is refused', async () => {
    const pair = new StormyPair(6, CLEAR, [true, true])
    await pair.runUntil(3_000, 'connected')
    for (const { from, envelope } of pair.overheard)
      for (const to of [0, 1]) {
        const opened = await pair.side(to).verifier.open(envelope)
        expect(opened).toEqual({ refused: to === from ? 'other_stay' : 'replayed' })
      }
  })
})

describe('in any weather', () => {
  const seeds = Array.from({ length: 40 }, (_, seed) => seed + 100)

  test('a storm that passes ends in a connection', async () => {
    for (const seed of seeds) {
      const random = seeded(seed)
      const pair = new StormyPair(seed, weather(random, 12_000), [random() < 0.5, random() < 0.5])
      await pair.run(28_000)
      expect(pair.states(), `seed ${seed}`).toEqual(['connected', 'connected'])
      expect(pair.agreed(), `seed ${seed}`).toBe(true)
    }
  })

  test('a storm that stays ends in a connection or a clean end', async () => {
    for (const seed of seeds) {
      const random = seeded(seed)
      const pair = new StormyPair(seed, weather(random, 1_000_000), [random() < 0.5, random() < 0.5])
      await pair.run(20_000)
      if (random() < 0.5 && pair.agreed()) pair.breakPath()
      await pair.run(60_000)
      // What is under way at this moment may come to its end.
      pair.weather = { ...pair.weather, until: 0 }
      await pair.run(40_000)
      const [a, b] = pair.states()
      const clean =
        a && b && (isOver(a) ? isOver(b) : a === 'connected' && b === 'connected' && pair.agreed())
      expect(clean, `seed ${seed}: ${a}, ${b}`).toBe(true)
    }
  })

  test('a path that breaks at any time is found again', async () => {
    for (const seed of seeds) {
      const random = seeded(seed)
      const pair = new StormyPair(seed, weather(random, 10_000), [random() < 0.5, random() < 0.5])
      await pair.run(random() * 6_000)
      if (pair.agreed()) pair.breakPath()
      await pair.run(50_000)
      const states = pair.states()
      const well = states.every(isOver) || states.every((state) => state === 'connected')
      expect(well, `seed ${seed}: ${states}`).toBe(true)
    }
  })
})
