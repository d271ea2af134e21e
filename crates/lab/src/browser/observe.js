// Notes what a call in this page does, and takes no part in it. Run by WebDriver before the guest knocks; `return`s at once.
//
// Arguments: the worker's source, the code's geometry, whether to keep the encoded pictures, whether to keep the sound.
// A worker looks at pictures, so that neither waits for the other: this page does not wait for the looking, and a picture's time
// does not wait for the page. Only what WebRTC itself hands out is read: decoded frames, encoded frames, counters.
const [source, geometry, keepPictures, keepSound] = arguments
const TARGETS_EVERY_MS = 500

const now = () => performance.timeOrigin + performance.now()
const notes = { joined: null, connected: [], targets: [] }
const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })))
worker.postMessage({ geometry })

/** Asks the worker for something that it keeps. */
const take = (what) =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = ({ data }) => resolve(data)
    worker.postMessage({ take: what }, [port2])
  })
/** What came of an earlier call on this page is not of this one. */
const forget = () => worker.postMessage({ forget: true })
window.__snugCall = { notes, take, forget, taken: null }

// Headless people of the app draw nothing either: what is compared is the call.
const blind = document.createElement('style')
blind.textContent = 'video { visibility: hidden }'
document.head.append(blind)

const followed = new WeakSet()
function follow(track, whose) {
  if (!track || followed.has(track)) return
  followed.add(track)
  const { readable } = new MediaStreamTrackProcessor({ track, maxBufferSize: whose === 'seen' ? 30 : 1 })
  worker.postMessage({ follow: readable, whose }, [readable])
}

const { send } = WebSocket.prototype
WebSocket.prototype.send = function (data) {
  if (notes.joined === null && String(data).includes('"call.join"')) notes.joined = now()
  return send.call(this, data)
}

const { replaceTrack } = RTCRtpSender.prototype
RTCRtpSender.prototype.replaceTrack = function (track) {
  if (track?.kind === 'video') follow(track, 'own')
  return replaceTrack.call(this, track)
}

const kept = new WeakSet()
function keep(receiver) {
  if (!keepPictures || receiver.track.kind !== 'video' || kept.has(receiver)) return
  kept.add(receiver)
  receiver.transform = new RTCRtpScriptTransform(worker)
}

const connections = []
const Real = window.RTCPeerConnection
window.RTCPeerConnection = class extends Real {
  constructor(...given) {
    super(...given)
    connections.push(this)
    this.addEventListener('connectionstatechange', () => {
      if (this.connectionState === 'connected') notes.connected.push(now())
    })
    this.addEventListener('track', ({ track, receiver }) => {
      keep(receiver)
      if (track.kind === 'video') follow(track, 'seen')
      else if (keepSound) follow(track, 'heard')
    })
  }
  // Later than this it has no effect: a receiver that begins without a transform goes on without.
  addTransceiver(...given) {
    const transceiver = super.addTransceiver(...given)
    keep(transceiver.receiver)
    return transceiver
  }
}

setInterval(async () => {
  const senders = connections
    .filter(({ connectionState }) => connectionState === 'connected')
    .flatMap((connection) => connection.getSenders())
  let bits = 0
  for (const sender of senders.filter(({ track }) => track?.kind === 'video'))
    for (const report of (await sender.getStats()).values()) bits += report.targetBitrate ?? 0
  if (bits > 0) notes.targets.push([now(), bits / 1000])
}, TARGETS_EVERY_MS)
