// A guest's environment without a server, a camera or anybody else: for component tests, for developing in a browser and for pictures.
// `?scene=` says what goes on; tests speak as the server through `fake.says` and as others through `fake.events`.

import type { GuestInvitation } from '../../backend/bindings/GuestInvitation'
import type { Knock } from '../../backend/bindings/Knock'
import type { CallConfig, CallEvents } from '../call/call'
import { libraryEd25519 } from '../session/ed25519'
import type { Environment } from '../state/environment'
import { ApiProblem } from '../wire/api'
import type { GuestSignal } from '../wire/signal'
import type { SocketEvents } from '../wire/socket'
import { pictureTrack, toneTrack } from './tracks'

/** What goes on; each is the one before it and something more. */
export const scenes = [
  'lobby',
  'lobby-open',
  'denied',
  'no-devices',
  'busy',
  'no-link',
  'expired',
  'offline',
  'insecure',
  'unsupported',
  'waiting',
  'alone',
  'call',
  'call-three',
  'call-audio',
  'reconnecting',
  'away',
  'chat',
  'refused',
  'removed',
  'call_over',
  'link_over',
  'lost',
  'left',
] as const
export type Scene = (typeof scenes)[number]

const CALL = '00000000-0000-0000-0000-000000000001'
const ROOM = '00000000-0000-0000-0000-000000000002'
const ME = '00000000-0000-0000-0000-0000000000ff'
const KEY = 'A'.repeat(43)

export interface Fake extends Environment {
  scene: Scene
  /** What the page asked of the server, in order. */
  knocks: Knock[]
  /** What the page said on its socket and in the call. */
  said: unknown[]
  /** The server says. */
  says(signal: GuestSignal): void
  socket(): SocketEvents | undefined
  /** The others of the call act. */
  others(): CallEvents | undefined
  config(): CallConfig | undefined
}

export const device = (number: number) => `00000000-0000-0000-0000-00000000010${number}`

const PEOPLE = [
  { name: 'Ana Ferreira', guest: false },
  { name: '李文静', guest: false },
  { name: 'Tom', guest: true },
]

function invitation(scene: Scene): GuestInvitation {
  const people =
    scene === 'alone' ? [] : PEOPLE.slice(0, scene === 'call-three' ? 3 : 1).map(({ name }) => name)
  return {
    space_name: 'Lake House',
    room_name: 'Garden plans',
    invited_by: 'Ana Ferreira',
    call: CALL,
    admission: scene === 'lobby-open' ? 'open' : 'knock',
    people,
  }
}

function devices(scene: Scene): MediaDevices {
  const failures: Partial<Record<Scene, [string, string]>> = {
    denied: ['NotAllowedError', 'Permission denied'],
    'no-devices': ['NotFoundError', 'Requested device not found'],
    busy: ['NotReadableError', 'Could not start video source'],
  }
  const info = (kind: MediaDeviceKind, deviceId: string, label: string) =>
    ({ kind, deviceId, label, groupId: '', toJSON: () => ({}) }) as MediaDeviceInfo
  const fake = {
    async getUserMedia({ audio, video }: MediaStreamConstraints) {
      const failure = failures[scene]
      if (failure && (scene !== 'busy' || video)) throw new DOMException(failure[1], failure[0])
      return new MediaStream([...(video ? [pictureTrack(0)] : []), ...(audio ? [toneTrack()] : [])])
    },
    async enumerateDevices() {
      if (scene === 'denied' || scene === 'no-devices') return []
      return [
        info('videoinput', 'cam', 'FaceTime HD Camera'),
        info('audioinput', 'mic', 'Built-in Microphone'),
        info('audiooutput', 'spk', 'Headphones'),
      ]
    },
    addEventListener() {},
    removeEventListener() {},
  }
  return fake as unknown as MediaDevices
}

/** What a call of the scene shows. */
function play(scene: Scene, events: CallEvents): void {
  const count = scene === 'alone' ? 0 : scene === 'call-three' ? 3 : 1
  for (const [number, { name, guest }] of PEOPLE.slice(0, count).entries()) {
    const who = { user: device(number), device: device(number), join: device(number), key: KEY, name, guest }
    events.onPeer(who, 'connecting')
    const camera = scene !== 'call-audio' && number !== 2
    events.onMedia(who.device, { microphone: number !== 1, camera })
    if (camera) events.onTrack(who.device, pictureTrack(number + 1), {} as RTCRtpReceiver)
    events.onTrack(who.device, toneTrack(), { number } as unknown as RTCRtpReceiver)
    events.onPeer(who, 'connected')
    if (scene === 'reconnecting') events.onPeer(who, 'reconnecting')
  }
  if (scene === 'chat') {
    events.onChat(device(0), '1', 'Welcome! We are just looking at the plan of the garden.')
    events.onChat(device(0), '2', 'https://example.org/plan.pdf\nThe pond is on page 2. 你觉得怎么样？')
  }
}

export function fakeEnvironment(parameters: URLSearchParams): Fake {
  const scene = scenes.find((known) => known === parameters.get('scene')) ?? 'lobby'
  const theme = parameters.get('theme')
  if (theme) document.documentElement.dataset.theme = theme
  let socket: SocketEvents | undefined
  let events: CallEvents | undefined
  let config: CallConfig | undefined
  const ends = new Set<Scene>(['removed', 'call_over', 'lost', 'left'])
  const fake: Fake = {
    scene,
    knocks: [],
    said: [],
    says: (signal) => socket?.onSignal(signal),
    socket: () => socket,
    others: () => events,
    config: () => config,
    unfit: scene === 'insecure' || scene === 'unsupported' ? scene : undefined,
    devices: devices(scene),
    ed25519: libraryEd25519,
    level: (receiver) => ((receiver as unknown as { number: number }).number === 0 ? 0.6 : 0),
    api: {
      async look() {
        if (scene === 'no-link') throw new ApiProblem('not_found', '')
        if (scene === 'expired') throw new ApiProblem('link_expired', '')
        if (scene === 'offline') throw new ApiProblem('offline', '')
        return invitation(scene)
      },
      async knock(knock) {
        fake.knocks.push(knock)
        return {
          guest: { user: ME, device: ME },
          call: CALL,
          room: ROOM,
          session: 'session',
          ticket: 'ticket',
        }
      },
      ticket: async () => 'another',
      iceServers: async () => [],
    },
    openSocket(_first, _ticket, listens) {
      socket = listens
      queueMicrotask(() => {
        listens.onSignal({ type: 'hello', device: ME, server_time: 0 })
        if (scene === 'refused') listens.onSignal({ type: 'guest.refused', call: CALL })
        else if (scene === 'link_over')
          listens.onSignal({ type: 'guest.ended', call: CALL, reason: 'link_over' })
        else if (scene.startsWith('lobby') || scene === 'waiting')
          listens.onSignal({ type: 'guest.waiting', call: CALL })
        else listens.onSignal({ type: 'guest.admitted', call: CALL, room: ROOM })
        if (scene === 'away') listens.onLost()
        if (scene === 'removed' || scene === 'call_over')
          listens.onSignal({ type: 'guest.ended', call: CALL, reason: scene })
      })
      return { send: (signal) => void fake.said.push(signal), close() {}, hurry() {} }
    },
    beginCall(begun, listens) {
      config = begun
      events = listens
      queueMicrotask(() => {
        if (!ends.has(scene)) play(scene, listens)
        if (scene === 'lost') listens.onEnd('lost')
      })
      const note =
        (what: string) =>
        (...fields: unknown[]) =>
          void fake.said.push({ what, fields })
      return {
        join: note('join'),
        signal: note('signal'),
        setTracks: note('tracks'),
        setMedia: note('media'),
        setTile: note('tile'),
        networkChanged: note('network'),
        leave: note('leave'),
        chat: (text) => {
          fake.said.push({ what: 'chat', fields: [text] })
          return crypto.randomUUID()
        },
      }
    },
  }
  return fake
}
