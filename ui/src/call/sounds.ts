// The sounds of a call. Played through WebAudio from files of ours: WebKitGTK cannot play a media element from the app's own scheme.

import ringUrl from '../../../assets/sounds/ring.wav?url'
import ringbackUrl from '../../../assets/sounds/ringback.wav?url'

const urls = { ring: ringUrl, ringback: ringbackUrl }
export type Sound = keyof typeof urls

let context: AudioContext | undefined
const decoded = new Map<Sound, Promise<AudioBuffer>>()

async function load(audio: AudioContext, sound: Sound): Promise<AudioBuffer> {
  const answer = await fetch(urls[sound])
  return audio.decodeAudioData(await answer.arrayBuffer())
}

/** Plays a sound over and over until the returned function is called. A computer without sound stays silent. */
export function playLoop(sound: Sound): () => void {
  if (typeof AudioContext === 'undefined') return () => {}
  let stopped = false
  let source: AudioBufferSourceNode | undefined

  async function play(): Promise<void> {
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
    source.loop = true
    source.connect(audio.destination)
    source.start()
  }

  play().catch((thrown) => {
    decoded.delete(sound)
    console.warn(`cannot play ${sound}`, thrown)
  })
  return () => {
    stopped = true
    source?.stop()
    source?.disconnect()
    // A context that stays open keeps the speaker awake.
    void context?.suspend()
  }
}
