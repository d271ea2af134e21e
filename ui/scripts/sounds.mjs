// Makes assets/sounds/*.wav: soft struck notes, 24 kHz mono 16 bit (no partial is above 4 kHz). The files are committed; run this only to change them.
//   node scripts/sounds.mjs

import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const RATE = 24_000
const folder = fileURLToPath(new URL('../../assets/sounds/', import.meta.url))

/** A note like a small wooden bell: a fundamental and two quiet partials that fade faster. */
function note(hertz, at, seconds, loudness) {
  return { hertz, at, seconds, loudness }
}

function render(length, notes) {
  const samples = new Float64Array(Math.round(length * RATE))
  for (const { hertz, at, seconds, loudness } of notes) {
    const first = Math.round(at * RATE)
    for (let i = 0; i < seconds * RATE && first + i < samples.length; i += 1) {
      const t = i / RATE
      const attack = Math.min(1, t / 0.006)
      const partial = (multiple, share, fade) =>
        share * Math.sin(2 * Math.PI * hertz * multiple * t) * Math.exp((-t * fade) / seconds)
      samples[first + i] +=
        loudness * attack * (partial(1, 1, 5) + partial(2, 0.25, 8) + partial(4, 0.08, 14))
    }
  }
  return samples
}

function wav(samples) {
  const data = Buffer.alloc(samples.length * 2)
  samples.forEach((sample, index) => {
    data.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * 32_767), index * 2)
  })
  const head = Buffer.alloc(44)
  head.write('RIFF', 0)
  head.writeUInt32LE(36 + data.length, 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(RATE, 24)
  head.writeUInt32LE(RATE * 2, 28)
  head.writeUInt16LE(2, 32)
  head.writeUInt16LE(16, 34)
  head.write('data', 36)
  head.writeUInt32LE(data.length, 40)
  return Buffer.concat([head, data])
}

const [C5, E5, G5, A4, D5] = [523.25, 659.25, 783.99, 440, 587.33]
const sounds = {
  // Somebody calls: three notes upwards, twice, then a rest. Loops.
  ring: render(
    4,
    [0, 0.9].flatMap((at) => [
      note(C5, at, 1.2, 0.3),
      note(E5, at + 0.18, 1.2, 0.3),
      note(G5, at + 0.36, 1.6, 0.32),
    ]),
  ),
  // It rings over there: one quiet low pair in four seconds. Loops.
  ringback: render(4, [note(A4, 0, 1.2, 0.14), note(D5, 0.32, 1.4, 0.12)]),
  // "Play a sound" in the settings.
  speaker: render(1.6, [note(C5, 0, 1.2, 0.34), note(G5, 0.22, 1.3, 0.34)]),
}
mkdirSync(folder, { recursive: true })
for (const [name, samples] of Object.entries(sounds)) writeFileSync(`${folder}${name}.wav`, wav(samples))
