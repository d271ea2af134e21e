// Pictures and sound that nobody sends.

/** Somebody at a table, roughly, in a colour of their own. */
export function pictureTrack(number: number): MediaStreamTrack {
  const canvas = document.createElement('canvas')
  canvas.width = 1280
  canvas.height = 720
  const pen = canvas.getContext('2d')
  let step = 0
  const draw = () => {
    if (!pen) return
    step += 1
    const hue = (30 + number * 70) % 360
    const light = pen.createLinearGradient(0, 0, 1280, 720)
    light.addColorStop(0, `hsl(${hue} 25% 42%)`)
    light.addColorStop(1, `hsl(${hue + 30} 30% 18%)`)
    pen.fillStyle = light
    pen.fillRect(0, 0, 1280, 720)
    const sway = Math.sin(step / 12) * 10
    pen.fillStyle = `hsl(${hue} 30% 26%)`
    pen.beginPath()
    pen.ellipse(640 + sway, 760, 330, 300, 0, 0, Math.PI * 2)
    pen.fill()
    pen.fillStyle = `hsl(${hue} 35% 66%)`
    pen.beginPath()
    pen.ellipse(640 + sway, 320, 130, 165, 0, 0, Math.PI * 2)
    pen.fill()
  }
  draw()
  setInterval(draw, 66)
  const [track] = canvas.captureStream(15).getVideoTracks()
  if (!track) throw new Error('a canvas has a track')
  track.getSettings = () => ({ deviceId: 'cam', width: 1280, height: 720 })
  return track
}

export function toneTrack(): MediaStreamTrack {
  const context = new AudioContext()
  const tone = context.createOscillator()
  const volume = context.createGain()
  volume.gain.value = 0.06
  const out = context.createMediaStreamDestination()
  tone.connect(volume).connect(out)
  tone.start()
  const [track] = out.stream.getAudioTracks()
  if (!track) throw new Error('a destination has a track')
  track.getSettings = () => ({ deviceId: 'mic' })
  return track
}
