// The backend without an app: believable enough to develop the interface in a browser, to test whole screens, and to take their
// pictures. `?scene=` says with what it begins (scenes.ts), `?language=` and `?theme=` set preferences. Not shipped.

import type { Backend } from '../backend'
import type { CallView } from '../bindings/CallView'
import type { Update } from '../bindings/Update'
import { answers, everybody, jonas, lihua, self } from './people'
import { sitters } from './picture'
import { scenes } from './scenes'
import { FakeWorld } from './world'

/** As the real ones take: short, but not at once. */
const ANSWER_MS = 40

export interface Fake extends Backend {
  /** For tests: act as the others do. */
  readonly world: FakeWorld
}

export function fakeBackend(parameters: URLSearchParams, answerMs = ANSWER_MS): Fake {
  const world = new FakeWorld()
  world.preferences.language = parameters.get('language')
  world.preferences.theme = parameters.get('theme')
  const scene = scenes[parameters.get('scene') ?? 'live'] ?? scenes.live
  scene?.(world)

  let level = 0
  const levels = new Set<(level: number) => void>()
  let meter: ReturnType<typeof setInterval> | undefined
  let answered = 0

  const later = <T>(value: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      setTimeout(() => {
        try {
          resolve(structuredClone(value()))
        } catch (thrown) {
          reject(thrown)
        }
      }, answerMs)
    })
  const fail = (code: string): never => {
    throw { code, detail: `the fake says ${code}` }
  }
  const call = (): CallView => world.call ?? fail('not_in_call')
  const end = (reason: 'here' | 'there' | 'declined') => {
    world.endCall(reason)
    setTimeout(() => world.clearCall(), 2_000)
  }
  const connect = () => {
    const { room } = call()
    const summary = world.room(room)
    const peer = everybody.find(({ id }) => id === summary.peer) ?? jonas
    world.changeCall({ phase: 'connecting' })
    setTimeout(() => world.call?.phase === 'connecting' && world.connectCall([peer]), 600)
  }

  return {
    world,
    account: () => later(() => world.account),
    connection: () => later(() => world.connection),
    host: (spaceName, roomName, account) =>
      later(() => {
        const made = world.signIn(spaceName, true, account.displayName, account.username)
        world.people = [{ ...self, name: account.displayName, username: account.username }]
        world.addRoom({ id: 'r-first', name: roomName, topic: '', members: [[self, 'owner']] })
        return made
      }),
    inspectLink: (link) =>
      later(() =>
        link.startsWith('snug://')
          ? { spaceName: 'Lake House', address: '192.168.1.20:8443', invitation: !link.endsWith('/') }
          : fail('bad_link'),
      ),
    join: (link, account) =>
      later(() => {
        if (!link.startsWith('snug://')) fail('bad_link')
        if (account.username === 'jonas') fail('already_exists')
        const made = world.signIn('Lake House', false, account.displayName, account.username)
        world.furnish()
        return made
      }),
    signIn: (_server, username, password) =>
      later(() => {
        if (password === 'wrong') fail('bad_credentials')
        const made = world.signIn('Lake House', false, undefined, username)
        if (world.rooms.length === 0) world.furnish()
        world.setConnection({ state: 'online' })
        return made
      }),
    signOut: () =>
      later(() => {
        world.account = null
        world.rooms = []
        world.items.clear()
        world.clearCall()
        world.tell({ type: 'account' })
      }),
    setDisplayName: (name) =>
      later(() => {
        if (world.account) world.account.display_name = name
      }),
    invitationLink: (_rooms, uses) =>
      later(
        () =>
          `snug://join/192.168.1.20:8443,[fd00::20]:8443/sha256-9nUJ0bqQ2Yw4kYvJ1xKfW8s3Dz/${uses}-pX3vQ7mC2kT9`,
      ),
    trustNewKey: () => later(() => world.setConnection({ state: 'online' })),

    rooms: () => later(() => world.rooms),
    people: () =>
      later(() =>
        world.people.map(({ id, username, name, available }) => ({ id, username, name, available })),
      ),
    createRoom: (name, topic) =>
      later(() => {
        const id = `r-${world.rooms.length}`
        world.addRoom({ id, name, topic, members: [[self, 'owner']] })
        world.room(id).last_at = Date.now()
        return id
      }),
    openDirect: (user) =>
      later(() => {
        const found = world.rooms.find(({ peer }) => peer === user)
        if (found) return found.id
        const person = everybody.find(({ id }) => id === user) ?? fail('not_found')
        const id = `d-${person.username}`
        world.addRoom({
          id,
          name: person.name,
          topic: '',
          direct: person,
          members: [
            [self, 'member'],
            [person, 'member'],
          ],
        })
        return id
      }),
    inviteToRoom: (room, user) =>
      later(() => {
        const person = everybody.find(({ id }) => id === user) ?? fail('not_found')
        world.room(room).members.push({
          user,
          name: person.name,
          role: 'member',
          membership: 'invited',
          available: person.available,
        })
        world.tell({ type: 'rooms' })
      }),
    joinRoom: (room) =>
      later(() => {
        world.room(room).membership = 'joined'
        world.tell({ type: 'rooms' })
      }),
    leaveRoom: (room) =>
      later(() => {
        world.rooms = world.rooms.filter(({ id }) => id !== room)
        world.tell({ type: 'rooms' })
      }),
    kick: (room, user) =>
      later(() => {
        const summary = world.room(room)
        summary.members = summary.members.filter((member) => member.user !== user)
        world.tell({ type: 'rooms' })
      }),
    renameRoom: (room, name, topic) =>
      later(() => {
        Object.assign(world.room(room), { name, topic })
        world.tell({ type: 'rooms' })
      }),

    timeline: (room, before, limit) =>
      later(() => {
        const all = world.items.get(room) ?? fail('not_found')
        const end =
          before === null ? all.length : all.findIndex((item) => item.seq !== null && item.seq >= before)
        const begin = Math.max(0, end - limit)
        return {
          room,
          items: all.slice(begin, end),
          at_start: begin === 0,
          read_up_to: world.readUpTo.get(room) ?? all.at(-1)?.seq ?? 0,
        }
      }),
    send: (room, text) =>
      later(() => {
        const item = world.echo(room, text)
        if (world.connection.state !== 'online') return
        setTimeout(() => world.deliver(room, item), 250)
        if (world.room(room).members.length < 2) return
        const person = room === 'd-lihua' ? lihua : jonas
        setTimeout(() => world.tell({ type: 'typing', room, names: [person.name] }), 1_200)
        setTimeout(() => {
          world.tell({ type: 'typing', room, names: [] })
          world.says(room, person, answers[answered++ % answers.length] ?? '', true)
        }, 3_200)
      }),
    retry: (txn) =>
      later(() => {
        for (const [room, items] of world.items) {
          const item = items.find(({ key }) => key === txn)
          if (!item) continue
          item.delivery = { state: 'sending' }
          world.tell({ type: 'timeline', room })
          setTimeout(() => world.deliver(room, item), 400)
        }
      }),
    discard: (txn) =>
      later(() => {
        for (const [room, items] of world.items) {
          const at = items.findIndex(({ key }) => key === txn)
          if (at < 0) continue
          items.splice(at, 1)
          world.tell({ type: 'timeline', room })
        }
      }),
    markRead: (room, seq) =>
      later(() => {
        world.readUpTo.set(room, seq)
        Object.assign(world.room(room), { unread: 0, mentioned: false })
        world.tell({ type: 'rooms' })
      }),
    typing: () => later(() => undefined),

    call: () => later(() => world.call),
    ring: (room, video) =>
      later(() => {
        if (world.call) fail('in_a_call')
        world.startCall(
          room,
          'outgoing',
          video,
          world.room(room).kind === 'direct' ? world.room(room).name : jonas.name,
        )
        setTimeout(() => world.call?.phase === 'outgoing' && connect(), 3_000)
      }),
    accept: (video) =>
      later(() => {
        call().own.camera = video
        connect()
      }),
    decline: () => later(() => world.clearCall()),
    hangUp: () => later(() => end('here')),
    setMicrophone: (on) => later(() => world.changeCall({ own: { ...call().own, microphone: on } })),
    setCamera: (on) => later(() => world.changeCall({ own: { ...call().own, camera: on } })),
    setTile: () => later(() => undefined),

    guestLinks: () => later(() => ({ browser_trust: world.browserTrust, links: world.links })),
    makeGuestLink: (admission) =>
      later(() => {
        if (world.browserTrust === 'self_signed') fail('untrusted')
        return world.addLink(admission)
      }),
    revokeGuestLink: (id) =>
      later(() => {
        world.links = world.links.filter((link) => link.id !== id)
      }),
    admitGuest: (device) => later(() => world.admit(device)),
    refuseGuest: (device) => later(() => world.settle(device)),
    removeGuest: (device) =>
      later(() => world.changeCall({ peers: call().peers.filter((peer) => peer.device !== device) })),
    sayInCall: (text) => later(() => world.writes(self.name, text, { own: true })),
    callChat: () => later(() => world.chat),

    devices: () => later(() => world.devices),
    chooseDevice: (kind, id) =>
      later(() => {
        world.devices = { ...world.devices, [kind]: id }
      }),
    startPreview: () =>
      later(() => {
        if (world.devices.camera === null) fail('camera_not_found')
        if (sitters.self) world.cameras.open('preview', sitters.self)
        meter ??= setInterval(() => {
          level = Math.max(0, Math.min(1, level * 0.7 + Math.random() * 0.3))
          for (const listener of levels) listener(level)
        }, 66)
      }),
    stopPreview: () =>
      later(() => {
        world.cameras.close('preview')
        clearInterval(meter)
        meter = undefined
      }),
    testSpeaker: () => later(() => undefined),

    pullVideo: () => world.cameras.pull(),
    requestKeyframe: (stream) => later(() => world.cameras.requestKeyframe(stream)),

    preferences: () => later(() => world.preferences),
    setPreferences: (preferences) =>
      later(() => {
        world.preferences = preferences
      }),
    about: () => later(() => ({ version: '0.1.0', license: 'MIT OR Apache-2.0', developer: true })),
    copyText: async (text) => {
      await navigator.clipboard?.writeText(text).catch(() => {})
    },
    setAttention: () => later(() => undefined),

    onUpdate: (listener: (update: Update) => void) => world.listen(listener),
    onLevel: (listener) => {
      levels.add(listener)
      return () => levels.delete(listener)
    },
    onOpenRoom: () => () => {},
  }
}
