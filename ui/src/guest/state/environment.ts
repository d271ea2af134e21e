// What a guest's page stands on: the server, the browser's devices and connections. The real one is below; a fake stands in fake/.

import { Call, type CallConfig, type CallEvents } from '../call/call'
import { receivedLevel } from '../media/level'
import { unfitFor } from '../media/problems'
import { type Ed25519, findEd25519 } from '../session/ed25519'
import { type GuestApi, guestApi } from '../wire/api'
import { SignalSocket, type SocketEvents } from '../wire/socket'

export type Socket = Pick<SignalSocket, 'send' | 'close' | 'hurry'>
export type CallPart = Pick<
  Call,
  'join' | 'signal' | 'setTracks' | 'setMedia' | 'setTile' | 'chat' | 'networkChanged' | 'leave'
>

export interface Environment {
  /** Why no call can be held here at all. */
  unfit: 'insecure' | 'unsupported' | undefined
  api: GuestApi
  devices: MediaDevices
  ed25519(): Promise<Ed25519>
  openSocket(first: string, ticket: () => Promise<string>, events: SocketEvents): Socket
  beginCall(config: CallConfig, events: CallEvents): CallPart
  /** How loud somebody is received. */
  level(receiver: RTCRtpReceiver): number
}

/** The token of the link that this page was opened by: the last part of its path. */
export function tokenOf(path: string): string {
  return path.split('/').filter(Boolean).at(-1) ?? ''
}

export function browserEnvironment(): Environment {
  const scheme = location.protocol === 'http:' ? 'ws:' : 'wss:'
  return {
    unfit: unfitFor(window),
    api: guestApi(tokenOf(location.pathname)),
    devices: navigator.mediaDevices,
    ed25519: findEd25519,
    openSocket: (first, ticket, events) =>
      new SignalSocket(`${scheme}//${location.host}/api/v1/signal`, first, ticket, events),
    beginCall: (config, events) => new Call(config, events),
    level: receivedLevel,
  }
}
