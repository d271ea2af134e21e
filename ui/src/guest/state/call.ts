// The call as the screens see it: who is there, who speaks, what was said.

import { batch, createEffect, createRoot, createSignal, on, onCleanup } from 'solid-js'
import { createStore, produce } from 'solid-js/store'
import type { ClientSignal } from '../../backend/bindings/ClientSignal'
import type { Participant } from '../../backend/bindings/Participant'
import type { CallConfig } from '../call/call'
import { VoiceActivity, watchLevel } from '../media/level'
import type { LocalMedia } from '../media/local'
import type { PairState } from '../session/pair'
import { isChat } from '../wire/pair'
import type { GuestSignal } from '../wire/signal'
import type { CallPart, Environment } from './environment'

/** A ring that moves more often looks no better. */
const LEVELS_EVERY_MS = 120
/** Messages that are kept on the page; a call that says more has forgotten the first. */
const MAX_MESSAGES = 1000

export interface PeerView {
  device: string
  /** Empty when nobody told. */
  name: string
  guest: boolean
  link: PairState
  microphone: boolean
  camera: boolean
  speaking: boolean
  audio: MediaStream | null
  video: MediaStream | null
}

export interface ChatMessage {
  id: string
  /** Empty when nobody told. */
  name: string
  guest: boolean
  own: boolean
  text: string
  at: number
}

export interface Begin extends Omit<CallConfig, 'tracks' | 'media'> {
  onSend(signal: ClientSignal): void
}

export function createCallState(environment: Environment, media: LocalMedia, onLost: () => void) {
  const [state, set] = createStore({
    peers: [] as PeerView[],
    messages: [] as ChatMessage[],
    unread: 0,
    chatOpen: false,
    speaking: false,
    since: 0,
  })
  const [going, setGoing] = createSignal<CallPart>()
  const receivers = new Map<string, RTCRtpReceiver>()
  let stop: () => void = () => {}

  const tracks = () => ({ audio: media.state.microphone.track, video: media.state.camera.track })
  const own = () => ({
    microphone: media.state.microphone.on && media.state.microphone.track !== null,
    camera: media.state.camera.track !== null,
  })

  const change = (device: string, fields: Partial<PeerView>) =>
    set('peers', (peer) => peer.device === device, fields)
  const peerOf = (device: string) => state.peers.find((peer) => peer.device === device)

  function came(participant: Participant, link: PairState): void {
    const { device, name = '', guest = false } = participant
    if (state.peers.some((peer) => peer.device === device)) return void change(device, { link })
    set(
      'peers',
      produce((peers) => {
        peers.push({
          device,
          name,
          guest,
          link,
          // Until they tell, nothing is marked as off that may be on.
          microphone: true,
          camera: false,
          speaking: false,
          audio: null,
          video: null,
        })
      }),
    )
  }

  function say(message: ChatMessage): void {
    batch(() => {
      set('messages', (messages) => [...messages, message].slice(-MAX_MESSAGES))
      if (!message.own && !state.chatOpen) set('unread', (unread) => unread + 1)
    })
  }

  /** Follows voices and our own devices while the call goes on. */
  function follow(call: CallPart): () => void {
    return createRoot((dispose) => {
      createEffect(on(tracks, (now) => call.setTracks(now), { defer: true }))
      createEffect(on(own, (now) => call.setMedia(now), { defer: true }))
      createEffect(() => {
        const { track } = media.state.microphone
        if (!track) return
        const voice = new VoiceActivity()
        const end = watchLevel(track, (level) => set('speaking', voice.hear(performance.now(), level)))
        onCleanup(end)
      })
      const voices = new Map<string, VoiceActivity>()
      const timer = setInterval(() => {
        for (const [device, receiver] of receivers) {
          const voice = voices.get(device) ?? new VoiceActivity()
          voices.set(device, voice)
          change(device, { speaking: voice.hear(performance.now(), environment.level(receiver)) })
        }
      }, LEVELS_EVERY_MS)
      onCleanup(() => clearInterval(timer))
      return dispose
    })
  }

  return {
    state,
    going: () => going() !== undefined,
    /** What others are told of our devices. */
    own,

    begin(config: Begin): void {
      const call = environment.beginCall(
        { ...config, tracks: tracks(), media: own() },
        {
          onSend: config.onSend,
          onPeer: came,
          onPeerGone: (device) => {
            receivers.delete(device)
            set('peers', (peers) => peers.filter((peer) => peer.device !== device))
          },
          onMedia: change,
          onTrack: (device, track, receiver) => {
            if (track.kind === 'audio') receivers.set(device, receiver)
            change(device, { [track.kind]: new MediaStream([track]) })
          },
          onChat: (device, id, text) => {
            const { name = '', guest = false } = peerOf(device) ?? {}
            say({ id, name, guest, own: false, text, at: Date.now() })
          },
          onEnd: onLost,
        },
      )
      set({ peers: [], messages: [], unread: 0, speaking: false, since: Date.now() })
      setGoing(() => call)
      stop = follow(call)
    },

    join: () => going()?.join(),
    signal: (signal: GuestSignal) => going()?.signal(signal),
    networkChanged: () => going()?.networkChanged(),
    setTile: (device: string, width: number, height: number) => going()?.setTile(device, width, height),

    openChat(open: boolean): void {
      set({ chatOpen: open, unread: 0 })
    },

    /** Says something to everybody. Says whether anybody could be reached. */
    chat(text: string): boolean {
      const words = text.trim()
      const id = isChat(words) ? going()?.chat(words) : undefined
      if (id === undefined) return false
      say({ id, name: '', guest: false, own: true, text: words, at: Date.now() })
      return true
    },

    end(): void {
      stop()
      stop = () => {}
      going()?.leave()
      setGoing(undefined)
      receivers.clear()
    },
  }
}

export type CallState = ReturnType<typeof createCallState>
