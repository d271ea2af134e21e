// Why a camera or a microphone gives nothing, told apart by what a person can do about it.

/** `system`: the browser itself may not; `denied`: this page may not. */
export type DeviceProblem = 'denied' | 'system' | 'not_found' | 'busy' | 'gone' | 'other'

/** The problem behind what `getUserMedia` threw (W3C mediacapture-streams §10.2). */
export function problemOf(thrown: unknown): DeviceProblem {
  const { name, message } = thrown instanceof Error || thrown instanceof DOMException ? thrown : new Error()
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      // Chromium says so in the message alone.
      return /system/i.test(message) ? 'system' : 'denied'
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'not_found'
    case 'NotReadableError':
    case 'AbortError':
      return 'busy'
    default:
      return 'other'
  }
}

/** What a browser lacks for a call; `undefined` when it can hold one. */
export function unfitFor(window: {
  isSecureContext: boolean
  RTCPeerConnection?: unknown
  WebSocket?: unknown
  crypto?: { subtle?: unknown }
  navigator: { mediaDevices?: unknown }
}): 'insecure' | 'unsupported' | undefined {
  if (!window.isSecureContext) return 'insecure'
  const needed = [
    window.RTCPeerConnection,
    window.WebSocket,
    window.crypto?.subtle,
    window.navigator.mediaDevices,
  ]
  return needed.every(Boolean) ? undefined : 'unsupported'
}
