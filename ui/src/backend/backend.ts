// What the interface asks of the app and hears from it. `tauri.ts` is the real one, `fake.ts` the one for tests and for a browser;
// nothing outside this folder knows which it has. Types come from Rust (`bindings/`, written by ts-rs). Every method may reject with a Problem.

import type { Account } from './bindings/Account'
import type { Admission } from './bindings/Admission'
import type { CallLink } from './bindings/CallLink'
import type { CallLinks } from './bindings/CallLinks'
import type { CallView } from './bindings/CallView'
import type { ChatLine } from './bindings/ChatLine'
import type { Connection } from './bindings/Connection'
import type { DeviceKind } from './bindings/DeviceKind'
import type { Devices } from './bindings/Devices'
import type { Person } from './bindings/Person'
import type { Preferences } from './bindings/Preferences'
import type { RoomSummary } from './bindings/RoomSummary'
import type { Timeline } from './bindings/Timeline'
import type { Update } from './bindings/Update'

export interface NewAccount {
  username: string
  displayName: string
  password: string
}

export interface LinkInfo {
  spaceName: string
  address: string
  /** Whether the link carries an invitation; without one it only serves to sign in. */
  invitation: boolean
}

/** One encoded picture (VP8) of a stream; see video/. */
export interface VideoPacket {
  /** Which picture stream: 'self', 'preview', or the device id of a peer. */
  stream: string
  keyframe: boolean
  /** When it is due, in milliseconds of Rust's Unix clock. */
  due: number
  /** Rust's clock when the answer that carries it was written; see video/packet.ts. */
  sent: number
  /** RTP time in microseconds, as WebCodecs wants it. */
  timestamp: number
  width: number
  height: number
  data: Uint8Array
}

export interface About {
  version: string
  license: string
  /** Whether test cameras and microphones are offered. */
  developer: boolean
}

export interface Backend {
  // account
  account(): Promise<Account | null>
  connection(): Promise<Connection>
  /** Starts a space on this computer, makes its owner and a first room, and signs in. */
  host(spaceName: string, roomName: string, account: NewAccount): Promise<Account>
  inspectLink(link: string): Promise<LinkInfo>
  join(link: string, account: NewAccount): Promise<Account>
  /** `server` is a link or host:port. */
  signIn(server: string, username: string, password: string): Promise<Account>
  signOut(): Promise<void>
  setDisplayName(name: string): Promise<void>
  /** A link for `uses` people that also brings them into the given rooms. */
  invitationLink(rooms: string[], uses: number): Promise<string>
  /** The user looked at the server's changed key and goes on with it. */
  trustNewKey(): Promise<void>

  // rooms
  rooms(): Promise<RoomSummary[]>
  people(): Promise<Person[]>
  createRoom(name: string, topic: string): Promise<string>
  openDirect(user: string): Promise<string>
  inviteToRoom(room: string, user: string): Promise<void>
  joinRoom(room: string): Promise<void>
  leaveRoom(room: string): Promise<void>
  kick(room: string, user: string): Promise<void>
  renameRoom(room: string, name: string, topic: string): Promise<void>

  // timeline
  /** The newest `limit` items, or those before `before` (a seq); fetches from the server what the store lacks. */
  timeline(room: string, before: number | null, limit: number): Promise<Timeline>
  /** Returns as soon as outbox and local echo are stored. */
  send(room: string, text: string): Promise<void>
  retry(txn: string): Promise<void>
  discard(txn: string): Promise<void>
  markRead(room: string, seq: number): Promise<void>
  typing(room: string, active: boolean): Promise<void>

  // call
  call(): Promise<CallView | null>
  ring(room: string, video: boolean): Promise<void>
  accept(video: boolean): Promise<void>
  decline(): Promise<void>
  hangUp(): Promise<void>
  setMicrophone(on: boolean): Promise<void>
  setCamera(on: boolean): Promise<void>
  /** How large a peer's picture is shown, in physical pixels; 0, 0 while hidden. */
  setTile(device: string, width: number, height: number): Promise<void>

  // guests of the call, and its chat
  /** The links by which guests come into the call, and whether browsers trust the server at all. */
  guestLinks(): Promise<CallLinks>
  /** Rejects with `untrusted` where browsers do not trust the server. */
  makeGuestLink(admission: Admission): Promise<CallLink>
  revokeGuestLink(id: string): Promise<void>
  admitGuest(device: string): Promise<void>
  refuseGuest(device: string): Promise<void>
  removeGuest(device: string): Promise<void>
  /** Says something in writing to everybody who is in the call: 1 to 4,000 characters. */
  sayInCall(text: string): Promise<void>
  /** What was said so, oldest first, for as long as the call lasts. */
  callChat(): Promise<ChatLine[]>

  // devices
  devices(): Promise<Devices>
  chooseDevice(kind: DeviceKind, id: string): Promise<void>
  /** Camera pictures arrive as stream 'preview', levels through onLevel, until stopped. */
  startPreview(): Promise<void>
  stopPreview(): Promise<void>
  /** Plays a short sound on the chosen speaker. */
  testSpeaker(): Promise<void>

  // video
  /** Resolves with everything pending, at least one packet; keep exactly one outstanding. Rejects when no stream is open any more. */
  pullVideo(): Promise<VideoPacket[]>
  /** A decoder failed or fell behind: skip to a keyframe of that stream. */
  requestKeyframe(stream: string): Promise<void>

  // settings
  preferences(): Promise<Preferences>
  setPreferences(preferences: Preferences): Promise<void>
  about(): Promise<About>
  copyText(text: string): Promise<void>
  /** Whether this window has the focus and which room it shows: notifications are for the rest. */
  setAttention(focused: boolean, room: string | null): Promise<void>

  // what happens by itself
  onUpdate(listener: (update: Update) => void): () => void
  /** 0 to 1, about 15 times a second, while a preview or a call runs. */
  onLevel(listener: (level: number) => void): () => void
  /** The user clicked a notification: show that room. */
  onOpenRoom(listener: (room: string) => void): () => void
}
