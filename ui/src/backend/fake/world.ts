// The fake space: rooms, messages and a call that one can act upon. It keeps what the app's store would keep. Not shipped.

import type { Account } from '../bindings/Account'
import type { Admission } from '../bindings/Admission'
import type { BrowserTrust } from '../bindings/BrowserTrust'
import type { CallEnd } from '../bindings/CallEnd'
import type { CallLink } from '../bindings/CallLink'
import type { CallView } from '../bindings/CallView'
import type { ChatLine } from '../bindings/ChatLine'
import type { Connection } from '../bindings/Connection'
import type { Devices } from '../bindings/Devices'
import type { ItemBody } from '../bindings/ItemBody'
import type { PeerView } from '../bindings/PeerView'
import type { Preferences } from '../bindings/Preferences'
import type { RoomSummary } from '../bindings/RoomSummary'
import type { TimelineItem } from '../bindings/TimelineItem'
import type { Update } from '../bindings/Update'
import { everybody, type FakePerson, type FakeRoom, rooms, self, talk } from './people'
import { FakeCameras, sitters } from './picture'

const DAY = 86_400_000
const MINUTE = 60_000

export class FakeWorld {
  account: Account | null = null
  connection: Connection = { state: 'online' }
  people: FakePerson[] = everybody
  rooms: RoomSummary[] = []
  items = new Map<string, TimelineItem[]>()
  readUpTo = new Map<string, number>()
  call: CallView | null = null
  browserTrust: BrowserTrust = 'trusted'
  links: CallLink[] = []
  chat: ChatLine[] = []
  preferences: Preferences = { language: null, theme: null, quiet: false, relay_only: false }
  devices: Devices = {
    cameras: [
      { id: 'front', name: 'Integrated Camera' },
      { id: 'desk', name: 'Logitech BRIO' },
      { id: 'pattern', name: 'pattern' },
    ],
    microphones: [
      { id: 'default', name: 'default' },
      { id: 'mic', name: 'Built-in Microphone' },
      { id: 'tone', name: 'tone' },
    ],
    speakers: [
      { id: 'default', name: 'default' },
      { id: 'headset', name: 'Headset' },
    ],
    camera: 'front',
    microphone: 'default',
    speaker: 'default',
  }
  readonly cameras = new FakeCameras()
  #listeners = new Set<(update: Update) => void>()
  #seq = 1000
  #key = 0

  listen(listener: (update: Update) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell(update: Update): void {
    for (const listener of this.#listeners) listener(structuredClone(update))
  }

  signIn(spaceName: string, hosted: boolean, name = self.name, username = self.username): Account {
    this.account = {
      user: self.id,
      device: 'dev-self',
      username,
      display_name: name,
      role: hosted ? 'owner' : 'member',
      space_name: spaceName,
      address: '192.168.1.20:8443',
      hosted_here: hosted,
    }
    return this.account
  }

  /** Furnishes the space as if people had lived in it for some days. */
  furnish(now = Date.now()): void {
    for (const room of rooms) {
      this.addRoom(room)
      const days = talk[room.id] ?? []
      days.forEach((lines, index) => {
        const today = index === days.length - 1 && room.id === 'r-living'
        const began = today
          ? now - lines.length * 4 * MINUTE
          : now - (days.length - index) * DAY - 3 * 60 * MINUTE
        lines.forEach(([person, text], line) => {
          this.append(room.id, person, { kind: 'text', text }, began + line * 2 * MINUTE)
        })
      })
    }
    this.append(
      'd-jonas',
      jonasOf(),
      { kind: 'call', call: 'c-old', video: true, ended: 'hung_up', duration_ms: 1_512_000, missed: false },
      now - DAY,
    )
    this.append(
      'd-lihua',
      this.people[2] ?? self,
      { kind: 'call', call: 'c-missed', video: true, ended: 'timed_out', duration_ms: null, missed: true },
      now - 2 * 60 * MINUTE,
    )
    for (const [id, unread, mentioned] of [
      ['r-garden', 3, false],
      ['d-lihua', 1, true],
    ] as const) {
      const room = this.room(id)
      room.unread = unread
      room.mentioned = mentioned
    }
    const living = this.items.get('r-living') ?? []
    this.readUpTo.set('r-living', living.at(-4)?.seq ?? 0)
    this.room('r-living').unread = 0
  }

  addRoom({ id, name, topic, direct, members, invited }: FakeRoom): void {
    this.rooms.push({
      id,
      kind: direct ? 'direct' : 'room',
      name,
      topic,
      peer: direct?.id ?? null,
      peer_available: direct?.available ?? false,
      membership: invited ? 'invited' : 'joined',
      role: members.find(([person]) => person.id === self.id)?.[1] ?? 'member',
      unread: 0,
      mentioned: false,
      last_text: null,
      last_sender: null,
      last_at: Date.now() - 30 * DAY,
      call: null,
      members: members.map(([person, role]) => ({
        user: person.id,
        name: person.name,
        role,
        membership: 'joined',
        available: person.available,
      })),
    })
    this.items.set(id, [])
  }

  room(id: string): RoomSummary {
    const room = this.rooms.find((candidate) => candidate.id === id)
    if (!room) throw { code: 'not_found', detail: `no room ${id}` }
    return room
  }

  /** Something happened in a room. */
  append(room: string, person: FakePerson, body: ItemBody, at = Date.now()): TimelineItem {
    this.#seq += 1
    this.#key += 1
    const own = person.id === self.id
    const item: TimelineItem = {
      key: `k${this.#key}`,
      seq: this.#seq,
      sender: person.id,
      sender_name: own ? (this.account?.display_name ?? person.name) : person.name,
      own,
      at,
      body,
      delivery: { state: 'sent' },
    }
    this.items.get(room)?.push(item)
    const summary = this.room(room)
    if (body.kind === 'text') {
      summary.last_text = body.text
      summary.last_sender = own ? null : (person.name.split(' ')[0] ?? person.name)
    }
    summary.last_at = Math.max(summary.last_at, at)
    return item
  }

  /** A message that has not reached the server. */
  echo(room: string, text: string): TimelineItem {
    this.#key += 1
    const item: TimelineItem = {
      key: `k${this.#key}`,
      seq: null,
      sender: self.id,
      sender_name: this.account?.display_name ?? self.name,
      own: true,
      at: Date.now(),
      body: { kind: 'text', text },
      delivery: { state: 'sending' },
    }
    this.items.get(room)?.push(item)
    const summary = this.room(room)
    Object.assign(summary, { last_text: text, last_sender: null, last_at: item.at })
    this.tell({ type: 'timeline', room })
    this.tell({ type: 'rooms' })
    return item
  }

  /** The server has it now. */
  deliver(room: string, item: TimelineItem): void {
    this.#seq += 1
    Object.assign(item, { seq: this.#seq, delivery: { state: 'sent' } })
    this.tell({ type: 'timeline', room })
  }

  refuse(room: string, item: TimelineItem): void {
    item.delivery = { state: 'failed', code: 'unavailable', txn: item.key }
    this.tell({ type: 'timeline', room })
  }

  says(room: string, person: FakePerson, text: string, looked: boolean): void {
    this.append(room, person, { kind: 'text', text })
    if (!looked) this.room(room).unread += 1
    this.tell({ type: 'timeline', room })
    this.tell({ type: 'rooms' })
  }

  setConnection(connection: Connection): void {
    this.connection = connection
    this.tell({ type: 'connection', connection })
  }

  // the call

  startCall(room: string, phase: CallView['phase'], video: boolean, peerName: string): CallView {
    this.call = {
      call: 'c-now',
      room,
      phase,
      video,
      peer_name: peerName,
      connected_at: null,
      own: {
        microphone: true,
        camera: video,
        speaking: false,
        camera_problem: null,
        microphone_problem: null,
      },
      peers: [],
      knocking: [],
    }
    this.changeCall({})
    return this.call
  }

  changeCall(change: Partial<CallView>): void {
    if (!this.call) return
    Object.assign(this.call, change)
    const wantsSelf =
      this.call.own.camera && typeof this.call.phase === 'string' && this.call.phase !== 'incoming'
    if (wantsSelf && sitters.self) this.cameras.open('self', sitters.self)
    else this.cameras.close('self')
    this.tell({ type: 'call', call: this.call })
  }

  connectCall(people: FakePerson[], connectedAt = Date.now()): void {
    const peers: PeerView[] = people.map((person) => ({
      device: `dev-${person.username}`,
      user: person.id,
      name: person.name,
      guest: false,
      microphone: true,
      camera: true,
      speaking: false,
      link: 'connected',
    }))
    for (const person of people) {
      const sitter = sitters[person.username]
      // One of them has an older camera, as there always is.
      const narrow = person.username === 'tomasz'
      if (sitter) this.cameras.open(`dev-${person.username}`, sitter, narrow ? 960 : 1280, 720)
    }
    this.changeCall({ phase: 'active', connected_at: connectedAt, peers })
  }

  /** Somebody with a link asks to be let in. */
  knock(name: string): void {
    const device = `guest-${name}`
    this.changeCall({ knocking: [...(this.call?.knocking ?? []), { device, name }] })
  }

  /** Somebody waits no longer. */
  settle(device: string): void {
    this.changeCall({ knocking: (this.call?.knocking ?? []).filter((guest) => guest.device !== device) })
  }

  admit(device: string): void {
    const guest = this.call?.knocking.find((candidate) => candidate.device === device)
    if (!guest || !this.call) throw { code: 'not_found', detail: `nobody waits as ${device}` }
    this.settle(device)
    const sitter = sitters.tomasz
    if (sitter) this.cameras.open(device, sitter, 1280, 720)
    const peer: PeerView = {
      ...guest,
      user: device,
      guest: true,
      microphone: true,
      camera: true,
      speaking: false,
      link: 'connected',
    }
    this.changeCall({ peers: [...this.call.peers, peer] })
  }

  addLink(admission: Admission, by = ''): CallLink {
    this.#key += 1
    const link: CallLink = {
      id: `l${this.#key}`,
      admission,
      by,
      expires_at: new Date(2026, 5, 12, 18, 30).getTime(),
      url: by ? null : `https://lake.example/join/3pX9vQ7mC2kT9nUJ0bqQ2Yw4kYvJ1xKfW8s3Dz${this.#key}`,
    }
    this.links.push(link)
    return link
  }

  /** Somebody says something in writing in the call. */
  writes(name: string, text: string, how: Partial<Pick<ChatLine, 'own' | 'guest' | 'at'>> = {}): void {
    this.#key += 1
    this.chat.push({ id: `m${this.#key}`, name, text, own: false, guest: false, at: Date.now(), ...how })
    this.tell({ type: 'call_chat' })
  }

  endCall(end: CallEnd): void {
    this.cameras.closeAll()
    this.changeCall({ phase: { ended: end }, peers: [] })
  }

  clearCall(): void {
    this.cameras.closeAll()
    this.call = null
    this.links = []
    this.chat = []
    this.tell({ type: 'call', call: null })
  }
}

function jonasOf(): FakePerson {
  return everybody[1] ?? self
}
