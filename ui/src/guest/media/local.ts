// This side's camera and microphone: opening, choosing, switching off, and what is wrong with them.
//
// A camera that is off is let go, so that its light goes out; a microphone that is off stays open and sends silence, so that unmuting
// takes no time and asks nothing.

import { createStore } from 'solid-js/store'
import { type DeviceProblem, problemOf } from './problems'

export type Kind = 'camera' | 'microphone'

export interface Choice {
  id: string
  name: string
}

export interface DeviceState {
  /** What the person wants. */
  on: boolean
  track: MediaStreamTrack | null
  problem: DeviceProblem | null
  /** Which one is open, or shall be; `null` is the browser's choice. */
  chosen: string | null
  choices: Choice[]
}

export interface LocalState {
  camera: DeviceState
  microphone: DeviceState
  /** Empty where the browser lets nobody choose. */
  speakers: Choice[]
  speaker: string | null
  /** The first question of the browser has been answered. */
  asked: boolean
}

const VIDEO = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } }
const AUDIO = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
  channelCount: { ideal: 1 },
}

const fresh = (): DeviceState => ({ on: true, track: null, problem: null, chosen: null, choices: [] })

/** `setSinkId` is what makes choosing a speaker possible. */
export const canChooseSpeaker =
  typeof HTMLMediaElement !== 'undefined' && 'setSinkId' in HTMLMediaElement.prototype

export function createLocalMedia(devices: MediaDevices) {
  const [state, set] = createStore<LocalState>({
    camera: fresh(),
    microphone: fresh(),
    speakers: [],
    speaker: null,
    asked: false,
  })
  let ended = false
  /** One question at a time; what is asked later waits. */
  let line: Promise<void> = Promise.resolve()

  function constraints(kind: Kind): MediaTrackConstraints {
    const { chosen } = state[kind]
    const device = chosen === null ? {} : { deviceId: { exact: chosen } }
    return kind === 'camera' ? { ...VIDEO, facingMode: 'user', ...device } : { ...AUDIO, ...device }
  }

  function take(kind: Kind, track: MediaStreamTrack): void {
    // Switched off meanwhile; a microphone that is off stays open.
    if (ended || (kind === 'camera' && !state.camera.on)) {
      track.stop()
      return
    }
    track.contentHint = kind === 'camera' ? 'motion' : 'speech'
    track.enabled = state[kind].on
    track.onended = () => {
      if (state[kind].track === track) set(kind, { track: null, problem: 'gone' })
    }
    set(kind, { track, problem: null, chosen: state[kind].chosen ?? track.getSettings().deviceId ?? null })
  }

  async function list(): Promise<void> {
    const all = await devices.enumerateDevices()
    const of = (kind: MediaDeviceKind) =>
      all
        .filter((device) => device.kind === kind && device.deviceId !== '' && device.label !== '')
        .map(({ deviceId, label }) => ({ id: deviceId, name: label }))
    set('camera', 'choices', of('videoinput'))
    set('microphone', 'choices', of('audioinput'))
    set('speakers', canChooseSpeaker ? of('audiooutput') : [])
    const [first] = state.speakers
    if (!state.speakers.some(({ id }) => id === state.speaker)) set('speaker', first?.id ?? null)
  }

  async function open(kinds: Kind[]): Promise<void> {
    if (kinds.length === 0) return
    try {
      const stream = await devices.getUserMedia({
        video: kinds.includes('camera') && constraints('camera'),
        audio: kinds.includes('microphone') && constraints('microphone'),
      })
      const [video] = stream.getVideoTracks()
      const [audio] = stream.getAudioTracks()
      if (video) take('camera', video)
      if (audio) take('microphone', audio)
    } catch (thrown) {
      const problem = problemOf(thrown)
      const [kind] = kinds
      // A no to both is a no; for anything else it must be found out which of them is meant.
      if (kinds.length > 1 && problem !== 'denied') {
        for (const one of kinds) await open([one])
      } else if (kinds.length > 1) {
        for (const one of kinds) set(one, { problem })
      } else if (kind) {
        // The chosen one was unplugged since: any other is better than none.
        if (problem === 'not_found' && state[kind].chosen !== null) {
          set(kind, 'chosen', null)
          await open([kind])
        } else {
          set(kind, { problem })
        }
      }
    }
  }

  function close(kind: Kind): void {
    const { track } = state[kind]
    set(kind, { track: null })
    track?.stop()
  }

  function inTurn(work: () => Promise<void>): Promise<void> {
    line = line.then(work).catch((thrown) => console.warn('a device', thrown))
    return line
  }

  const onChange = () => void inTurn(list)
  devices.addEventListener?.('devicechange', onChange)

  return {
    state,

    /** Opens what is on and has no track yet, with one question. Also the way to try again. */
    start(): Promise<void> {
      return inTurn(async () => {
        const wanted = (['camera', 'microphone'] as const).filter(
          (kind) => state[kind].on && !state[kind].track,
        )
        await open(wanted)
        set('asked', true)
        await list()
      })
    },

    /** Whether it is on and nothing keeps it from working; one that fails is as good as off, and is tried again by switching it on. */
    works: (kind: Kind) => state[kind].on && state[kind].problem === null,

    /** On or off. */
    switch(kind: Kind, on: boolean): Promise<void> {
      set(kind, { on })
      return inTurn(async () => {
        const { track, on: wanted } = state[kind]
        if (kind === 'microphone' && track) track.enabled = wanted
        else if (!wanted) close(kind)
        else if (!track) {
          await open([kind])
          await list()
        }
      })
    },

    /** Takes another device. */
    choose(kind: Kind, id: string): Promise<void> {
      return inTurn(async () => {
        set(kind, 'chosen', id)
        // Some systems give a camera to one at a time, so the old one goes first.
        close(kind)
        if (state[kind].on || kind === 'microphone') await open([kind])
      })
    },

    chooseSpeaker(id: string): void {
      set('speaker', id)
    },

    /** Lets go of everything. */
    end(): void {
      ended = true
      devices.removeEventListener?.('devicechange', onChange)
      close('camera')
      close('microphone')
    },
  }
}

export type LocalMedia = ReturnType<typeof createLocalMedia>
