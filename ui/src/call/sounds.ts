// The sounds of a call. Played through WebAudio from files of ours: WebKitGTK cannot play a media element from the app's own scheme.

import ringUrl from '../../../assets/sounds/ring.wav?url'
import ringbackUrl from '../../../assets/sounds/ringback.wav?url'

const urls = { ring: ringUrl, ringback: ringbackUrl }
export type Sound = keyof typeof urls

let context: AudioContext | undefined
/** How many sounds play or are about to. */
let playing = 0
const decoded = new Map<Sound, Promise<AudioBuffer>>()

async function load(audio: AudioContext, sound: Sound): Promise<AudioBuffer> {
  const answer = await fetch(urls[sound])
  return audio.decodeAudioData(await answer.arrayBuffer())
}

/** How loud what is heard in the middle of a conversation is; a ring is 1. */
const SOFTLY = 0.2

interface How {
  loop: boolean
  loudness: number
}

/** Plays a sound over and over until the returned function is called. A computer without sound stays silent. */
export function playLoop(sound: Sound): () => void {
  return play(sound, { loop: true, loudness: 1 })
}

/** Plays a sound once, softly. */
export function playSoftly(sound: Sound): void {
  play(sound, { loop: false, loudness: SOFTLY })
}

function play(sound: Sound, how: How): () => void {
  if (typeof AudioContext === 'undefined') return () => {}
  let stopped = false
  let source: AudioBufferSourceNode | undefined

  function stop(): void {
    if (stopped) return
    stopped = true
    source?.disconnect()
    playing -= 1
    // A context that stays open keeps the speaker awake.
    if (playing === 0) void context?.suspend()
  }

  async function start(): Promise<void> {
    context ??= new AudioContext()
    const audio = context
    let buffer = decoded.get(sound)
    if (!buffer) {
      buffer = load(audio, sound)
      decoded.set(sound, buffer)
    }
    const samples = await buffer
    if (stopped) return
    await audio.resume()
    if (stopped) return
    source = audio.createBufferSource()
    source.buffer = samples
    source.loop = how.loop
    source.onended = stop
    const gain = audio.createGain()
    gain.gain.value = how.loudness
    source.connect(gain)
    gain.connect(audio.destination)
    source.start()
  }

  playing += 1
  start().catch((thrown) => {
    decoded.delete(sound)
    stop()
    console.warn(`cannot play ${sound}`, thrown)
  })
  return () => {
    source?.stop()
    stop()
  }
}
