// The small pure parts of the guest's page.

import { describe, expect, test } from 'vitest'
import { loudness, VoiceActivity } from '../../src/guest/media/level'
import { problemOf, unfitFor } from '../../src/guest/media/problems'
import { encodingFor } from '../../src/guest/peer/encoding'
import { RemoteCandidates, ufrags } from '../../src/guest/session/candidates'
import { Roster } from '../../src/guest/session/roster'
import { tokenOf } from '../../src/guest/state/environment'

const participant = (device: string, join = `${device}-1`) => ({ user: device, device, join, key: '' })

describe('the roster', () => {
  test('the newcomer offers to all and the others wait', () => {
    const [me, other, later] = [participant('me'), participant('other'), participant('later')]
    const roster = new Roster('me')
    expect(roster.replace([other, me])).toEqual([{ type: 'came', participant: other, weOffer: true }])
    expect(roster.joined(later)).toEqual([{ type: 'came', participant: later, weOffer: false }])
    expect(roster.joined(later), 'said again').toEqual([])
    expect(roster.replace([other, me, later]), 'we reconnected and all is as it was').toEqual([])
  })

  test('a new stay replaces the old and an old leave is stale', () => {
    const roster = new Roster('me')
    roster.joined(participant('a', 'one'))
    expect(roster.joined(participant('a', 'two')).map(({ type }) => type)).toEqual(['went', 'came'])
    expect(roster.left('a', 'one')).toEqual([])
    expect(roster.left('a', 'two')).toEqual([{ type: 'went', device: 'a', join: 'two' }])
  })

  test('a server that restarted forgets people, and a roster without end is cut', () => {
    const roster = new Roster('me')
    roster.replace([participant('a'), participant('b')])
    expect(roster.replace([participant('b')])).toEqual([{ type: 'went', device: 'a', join: 'a-1' }])
    const crowd = Array.from({ length: 1000 }, (_, number) => participant(`p${number}`))
    expect(roster.replace(crowd).filter(({ type }) => type === 'came')).toHaveLength(32)
  })
})

describe('candidates', () => {
  const one = (candidate: string, ufrag: string | null) => ({ candidate, mid: null, line: 0, ufrag })

  test('early ones wait for their description and repeats are nothing', () => {
    const remote = new RemoteCandidates()
    expect(remote.came(one('a', 'one'))).toBeUndefined()
    expect(remote.came(one('a', 'one'))).toBeUndefined()
    expect(remote.came(one('b', 'two'))).toBeUndefined()
    expect(remote.described('v=0\r\na=ice-ufrag:one\r\n')).toEqual([one('a', 'one')])
    expect(remote.came(one('a', 'one'))).toBeUndefined()
    expect(remote.came(one('', 'one'))).toBeUndefined()
    expect(remote.came(one('c', null))).toEqual(one('c', null))
    expect(remote.described('a=ice-ufrag:two\n')).toEqual([one('b', 'two')])
    expect(remote.came(one('a', 'one')), 'of a generation that is gone').toBeUndefined()
    expect(ufrags('a=ice-ufrag:x\r\na=ice-ufrag:y')).toEqual(['x', 'y'])
  })

  test('a flood is bounded', () => {
    const remote = new RemoteCandidates()
    for (let number = 0; number < 1000; number += 1) remote.came(one(String(number), null))
    expect(remote.described('v=0')).toHaveLength(64)
  })
})

describe('encoding', () => {
  const hd = { width: 1280, height: 720 }
  const scale = (width: number, height: number) => encodingFor(hd, { width, height }).scaleResolutionDownBy

  test('a tile gets what fills it and no more', () => {
    expect(encodingFor(hd, undefined)).toMatchObject({
      active: true,
      maxBitrate: 2_500_000,
      scaleResolutionDownBy: 1,
    })
    expect([
      scale(1920, 1080),
      scale(1280, 720),
      scale(641, 360),
      scale(640, 360),
      scale(320, 180),
      scale(100, 50),
    ]).toEqual([1, 1, 1, 2, 4, 4])
    expect(encodingFor(hd, { width: 320, height: 180 }).maxBitrate).toBeLessThan(500_000)
  })

  test('a hidden tile gets nothing, and a camera without a size all', () => {
    expect(encodingFor(hd, { width: 0, height: 0 }).active).toBe(false)
    expect(encodingFor({}, { width: 640, height: 360 }).scaleResolutionDownBy).toBe(1)
  })
})

describe('loudness', () => {
  test('is even to the ear and never leaves its range', () => {
    expect(loudness(0)).toBe(0)
    expect(loudness(1)).toBe(1)
    expect(loudness(0.001)).toBeCloseTo(0)
    expect(loudness(0.0316)).toBeCloseTo(0.5, 1)
    expect(loudness(7)).toBe(1)
  })

  test('a voice goes on over the pauses between words', () => {
    const voice = new VoiceActivity()
    expect([voice.hear(0, 0.1), voice.hear(100, 0.6), voice.hear(400, 0), voice.hear(600, 0)]).toEqual([
      false,
      true,
      true,
      false,
    ])
  })
})

describe('what is wrong', () => {
  test('with a device is told apart by what one can do', () => {
    const thrown = (name: string, message = '') => new DOMException(message, name)
    expect(problemOf(thrown('NotAllowedError', 'Permission denied'))).toBe('denied')
    expect(problemOf(thrown('NotAllowedError', 'Permission denied by system'))).toBe('system')
    expect(problemOf(thrown('NotFoundError'))).toBe('not_found')
    expect(problemOf(thrown('OverconstrainedError'))).toBe('not_found')
    expect(problemOf(thrown('NotReadableError'))).toBe('busy')
    expect(problemOf('what?')).toBe('other')
  })

  test('with a browser is said before anything else', () => {
    const able = {
      isSecureContext: true,
      RTCPeerConnection: {},
      WebSocket: {},
      crypto: { subtle: {} },
      navigator: { mediaDevices: {} },
    }
    expect(unfitFor(able)).toBeUndefined()
    expect(unfitFor({ ...able, isSecureContext: false })).toBe('insecure')
    expect(unfitFor({ ...able, RTCPeerConnection: undefined })).toBe('unsupported')
    expect(unfitFor({ ...able, navigator: {} })).toBe('unsupported')
  })
})

test('the token is the last part of the path', () => {
  expect(['/join/abc', '/join/abc/', '/'].map(tokenOf)).toEqual(['abc', 'abc', ''])
})
