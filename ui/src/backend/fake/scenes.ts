// Situations to look at: `?scene=…` in a browser, and what tests and pictures begin with. Not shipped.

import { amara, answers, chatter, jonas, lihua, self, tomasz } from './people'
import type { FakeWorld } from './world'

const MINUTE = 60_000

function lived(world: FakeWorld): void {
  world.signIn('Lake House', true)
  world.furnish()
}

/** Each furnishes the world; the ones that live run on by themselves. */
export const scenes: Record<string, (world: FakeWorld) => void> = {
  start() {},
  main: lived,
  live(world) {
    lived(world)
    chatter.forEach(([person, text], index) => {
      setTimeout(
        () => world.tell({ type: 'typing', room: 'r-living', names: [person.name] }),
        6_000 + index * 9_000,
      )
      setTimeout(
        () => {
          world.tell({ type: 'typing', room: 'r-living', names: [] })
          world.says('r-living', person, text, true)
        },
        9_000 + index * 9_000,
      )
    })
    setTimeout(() => {
      if (!world.call) world.startCall('d-jonas', 'incoming', true, jonas.name)
    }, 45_000)
  },
  empty(world) {
    world.people = [self]
    world.signIn('Our snug', true)
    world.addRoom({ id: 'r-first', name: 'Living room', topic: '', members: [[self, 'owner']] })
  },
  offline(world) {
    lived(world)
    world.connection = { state: 'offline', retry_at: Date.now() + MINUTE }
    world.echo('r-living', 'I’m on the train. You’ll get this when there’s a signal again.')
  },
  connecting(world) {
    lived(world)
    world.connection = { state: 'connecting' }
  },
  'key-changed'(world) {
    lived(world)
    world.connection = { state: 'key_changed' }
  },
  'signed-out'(world) {
    lived(world)
    world.connection = { state: 'signed_out' }
  },
  failed(world) {
    lived(world)
    const lost = world.echo('r-living', 'Tonight at eight works for me!')
    lost.delivery = { state: 'failed', code: 'unavailable', txn: lost.key }
    world.echo('r-living', 'And I’ll make soup.')
  },
  typing(world) {
    lived(world)
    setTimeout(() => world.tell({ type: 'typing', room: 'r-living', names: ['李华', 'Jonas Weber'] }), 50)
  },
  notices(world) {
    lived(world)
    const now = Date.now()
    world.append(
      'r-living',
      self,
      { kind: 'member', name: 'Tomasz', membership: 'invited', by: 'Mira' },
      now - 9 * MINUTE,
    )
    world.append(
      'r-living',
      tomasz,
      { kind: 'member', name: 'Tomasz', membership: 'joined', by: null },
      now - 8 * MINUTE,
    )
    world.append(
      'r-living',
      self,
      { kind: 'room_changed', name: 'Living room', topic: 'Whatever is on your mind' },
      now - 7 * MINUTE,
    )
    world.append(
      'r-living',
      tomasz,
      {
        kind: 'text',
        text: 'Hello everybody! https://example.org/a/very/long/link/that/has/no/place/to/break/and/goes/on/and/on?with=parameters&more=of-them',
      },
      now - 6 * MINUTE,
    )
    world.append('r-living', jonas, { kind: 'deleted' }, now - 5 * MINUTE)
    world.append('r-living', jonas, { kind: 'unsupported' }, now - 5 * MINUTE)
    world.append(
      'r-living',
      jonas,
      { kind: 'call', call: 'c1', video: true, ended: 'timed_out', duration_ms: null, missed: true },
      now - 4 * MINUTE,
    )
    world.append(
      'r-living',
      self,
      { kind: 'call', call: 'c2', video: false, ended: 'hung_up', duration_ms: 4_335_000, missed: false },
      now - 3 * MINUTE,
    )
    world.append(
      'r-living',
      self,
      { kind: 'text', text: 'Shopping list:\n– bread\n– oranges\n– something for the cat 🐈' },
      now - 2 * MINUTE,
    )
  },
  long(world) {
    lived(world)
    const now = Date.now()
    const older = Array.from({ length: 800 }, (_, index) => index)
    const talkers = [self, jonas, lihua, amara]
    const living = world.items.get('r-living')?.splice(0) ?? []
    for (const index of older) {
      const person = talkers[(index * 7) % talkers.length] ?? self
      world.append(
        'r-living',
        person,
        { kind: 'text', text: `${index}: ${answers[index % answers.length]}` },
        now - (900 - index) * 17 * MINUTE,
      )
    }
    for (const item of living)
      world.append(
        'r-living',
        [self, jonas, lihua, amara].find(({ id }) => id === item.sender) ?? self,
        item.body,
        item.at,
      )
    world.readUpTo.delete('r-living')
  },
  announcement(world) {
    lived(world)
    setTimeout(() => {
      world.tell({
        type: 'announcement',
        text: 'The space moves to a new computer on Sunday at ten.\nIt will be away for about an hour.',
      })
      world.tell({ type: 'problem', problem: { code: 'disk_full', detail: 'ENOSPC' } })
    }, 50)
  },
  incoming(world) {
    lived(world)
    world.startCall('d-jonas', 'incoming', true, jonas.name)
  },
  'incoming-audio'(world) {
    lived(world)
    world.startCall('r-living', 'incoming', false, lihua.name)
  },
  outgoing(world) {
    lived(world)
    world.startCall('r-living', 'outgoing', true, jonas.name)
  },
  ended(world) {
    lived(world)
    world.startCall('r-living', { ended: 'declined' }, true, jonas.name)
  },
  call(world) {
    lived(world)
    world.startCall('r-living', 'connecting', true, jonas.name)
    world.connectCall([jonas], Date.now() - 754_000)
    const [peer] = world.call?.peers ?? []
    if (peer) peer.speaking = true
  },
  'call-audio'(world) {
    lived(world)
    world.startCall('r-living', 'connecting', false, jonas.name)
    world.connectCall([jonas], Date.now() - 92_000)
    const [peer] = world.call?.peers ?? []
    if (peer) Object.assign(peer, { camera: false, microphone: false })
    if (world.call) world.call.own.microphone = false
  },
  'call-three'(world) {
    lived(world)
    world.startCall('r-living', 'connecting', true, jonas.name)
    world.connectCall([jonas, lihua, tomasz], Date.now() - 3_754_000)
    const [, second, third] = world.call?.peers ?? []
    if (second) second.speaking = true
    if (third) third.microphone = false
  },
  guests(world) {
    lived(world)
    world.startCall('r-living', 'connecting', true, jonas.name)
    world.connectCall([jonas], Date.now() - 754_000)
    world.knock('Ana Sørensen')
    world.admit('guest-Ana Sørensen')
    world.addLink('knock')
    world.addLink('open', lihua.name)
    const minutes = (ago: number) => ({ at: Date.now() - ago * MINUTE })
    world.writes('Ana Sørensen', 'Hello! Thanks for letting me in.', { guest: true, ...minutes(4) })
    world.writes(self.name, 'Good to see you! The plan: https://example.org/garden', {
      own: true,
      ...minutes(3),
    })
    world.writes(jonas.name, '欢迎！', minutes(2))
  },
  knocking(world) {
    scenes.call?.(world)
    world.knock('Ana Sørensen')
    world.knock('王小明')
  },
  'guests-not-yet'(world) {
    scenes.call?.(world)
    world.browserTrust = 'self_signed'
  },
  'call-elsewhere'(world) {
    lived(world)
    world.startCall('d-jonas', 'connecting', true, jonas.name)
    world.connectCall([jonas], Date.now() - 754_000)
  },
  reconnecting(world) {
    lived(world)
    world.startCall('r-living', 'connecting', true, jonas.name)
    world.connectCall([jonas], Date.now() - 754_000)
    const [peer] = world.call?.peers ?? []
    if (peer) peer.link = 'reconnecting'
  },
  'camera-problem'(world) {
    lived(world)
    world.startCall('r-living', 'connecting', true, jonas.name)
    world.connectCall([jonas], Date.now() - 12_000)
    if (!world.call) return
    world.call.own.camera = false
    world.call.own.camera_problem = { code: 'camera_busy', detail: 'EBUSY' }
    world.call.own.microphone_problem = { code: 'microphone_gone', detail: '' }
  },
  'no-devices'(world) {
    lived(world)
    world.devices = {
      cameras: [],
      microphones: [],
      speakers: [],
      camera: null,
      microphone: null,
      speaker: null,
    }
  },
}
