// How loud a track is, and whether somebody speaks.

/** Often enough for a bar that follows the voice. */
const EVERY_MS = 80
/** Quieter than this is a room, not a voice: −45 dB of full scale. */
const VOICE = 0.25
/** People pause between words. */
const HANG_OVER_MS = 400
const FLOOR_DB = -60

/** 0 for silence to 1 for full scale, even to the ear: decibels from −60 to 0. */
export function loudness(rms: number): number {
  if (rms <= 0) return 0
  return Math.max(0, Math.min(1, 1 - (20 * Math.log10(rms)) / FLOOR_DB))
}

/** Says `speaking` from the first loud moment until some time after the last. Told the time. */
export class VoiceActivity {
  #until = Number.NEGATIVE_INFINITY

  hear(now: number, level: number): boolean {
    if (level >= VOICE) this.#until = now + HANG_OVER_MS
    return now < this.#until
  }
}

/** Watches a microphone; gives what ends the watching. */
export function watchLevel(track: MediaStreamTrack, onLevel: (level: number) => void): () => void {
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  analyser.fftSize = 1024
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  const timer = setInterval(() => {
    // Before a click a page may be made to wait with sound.
    if (context.state === 'suspended') void context.resume()
    analyser.getFloatTimeDomainData(samples)
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length
    onLevel(loudness(Math.sqrt(power)))
  }, EVERY_MS)
  return () => {
    clearInterval(timer)
    void context.close()
  }
}

/** The loudness of what is received: by the audio level in RTP (RFC 6464), without decoding anything twice. */
export function receivedLevel(receiver: RTCRtpReceiver): number {
  const levels = receiver.getSynchronizationSources().map(({ audioLevel }) => audioLevel ?? 0)
  return loudness(Math.max(0, ...levels))
}
