// Where a guest stands, from the link to the end, and what the screens may do about it.

import { createSignal, onCleanup } from 'solid-js'
import type { GuestInvitation } from '../../backend/bindings/GuestInvitation'
import type { Knocked } from '../../backend/bindings/Knocked'
import { createLocalMedia } from '../media/local'
import type { Ed25519, SigningKey } from '../session/ed25519'
import { ApiProblem } from '../wire/api'
import { toBase64 } from '../wire/content'
import type { GuestSignal } from '../wire/signal'
import { createCallState } from './call'
import type { Environment, Socket } from './environment'

/** Why it is over for this guest. */
export type Over = 'left' | 'lost' | 'refused' | 'removed' | 'call_over' | 'link_over'

export type Phase =
  | { at: 'looking' }
  /** This browser, or this address, cannot hold a call. */
  | { at: 'unfit'; why: 'insecure' | 'unsupported' }
  /** The link tells nothing; `code` says why. */
  | { at: 'no_link'; code: ApiProblem['code'] }
  /** A name and a look in the mirror. */
  | { at: 'lobby' }
  /** Knocked, or about to. */
  | { at: 'waiting' }
  | { at: 'call' }
  | { at: 'over'; why: Over }

/** Who this page is towards the server, from a knock on. */
interface Stay {
  ids: Knocked
  key: SigningKey
  ed25519: Ed25519
  socket: Socket
}

/** Codes after which this link is of no use to anybody. */
const DEAD_LINK = new Set<ApiProblem['code']>(['not_found', 'link_expired'])
/** The socket outlives leaving by this, for the last signed words (see Call). */
const LAST_WORDS_MS = 400

const asProblem = (thrown: unknown) =>
  thrown instanceof ApiProblem ? thrown : new ApiProblem('unknown', String(thrown))

export function createGuest(environment: Environment) {
  const [phase, setPhase] = createSignal<Phase>(
    environment.unfit ? { at: 'unfit', why: environment.unfit } : { at: 'looking' },
  )
  const [invitation, setInvitation] = createSignal<GuestInvitation>()
  const [problem, setProblem] = createSignal<ApiProblem>()
  const [away, setAway] = createSignal(false)
  const [name, setName] = createSignal('')
  const media = createLocalMedia(environment.devices)
  const call = createCallState(environment, media, () => over('lost'))
  let stay: Stay | undefined
  /** Goes up when the person changes their mind, so that a knock that is still under way comes to nothing. */
  let attempt = 0

  function over(why: Over): void {
    call.end()
    setPhase({ at: 'over', why })
    // Who was lost may come back by the same door; behind the others it is shut.
    if (why !== 'lost') letGo()
  }

  function letGo(): void {
    attempt += 1
    const socket = stay?.socket
    stay = undefined
    setAway(false)
    if (socket) setTimeout(() => socket.close(), LAST_WORDS_MS)
  }

  function hear(signal: GuestSignal): void {
    switch (signal.type) {
      case 'hello':
        setAway(false)
        break
      case 'guest.waiting':
        setPhase({ at: 'waiting' })
        break
      case 'guest.admitted':
        admitted()
        break
      case 'guest.refused':
        over('refused')
        break
      case 'guest.ended':
        over(signal.reason === 'unknown' ? 'call_over' : signal.reason)
        break
      default:
        call.signal(signal)
    }
  }

  /** Also said on every later connection of the socket: then the call goes on, and the server hears that we are still in it. */
  function admitted(): void {
    if (!stay) return
    if (phase().at === 'over') return
    const { ids, key, ed25519, socket } = stay
    if (!call.going()) {
      call.begin({
        call: ids.call,
        room: ids.room,
        device: ids.guest.device,
        key,
        ed25519,
        iceServers: () => environment.api.iceServers(ids.session),
        onSend: (signal) => socket.send(signal),
      })
      setPhase({ at: 'call' })
    }
    call.join()
  }

  async function look(): Promise<void> {
    setPhase({ at: 'looking' })
    try {
      setInvitation(await environment.api.look())
      setPhase({ at: 'lobby' })
    } catch (thrown) {
      setPhase({ at: 'no_link', code: asProblem(thrown).code })
    }
  }

  async function knock(as: string): Promise<void> {
    attempt += 1
    const mine = attempt
    const current = () => mine === attempt
    setProblem(undefined)
    setName(as)
    setPhase({ at: 'waiting' })
    try {
      const ed25519 = await environment.ed25519()
      const key = await ed25519.generate()
      const ids = await environment.api.knock({ name: as, public_key: toBase64(key.publicKey) })
      if (!current()) return
      const socket = environment.openSocket(ids.ticket, () => environment.api.ticket(ids.session), {
        onSignal: (signal) => current() && hear(signal),
        onLost: () => current() && setAway(true),
        onClosed: () => current() && phase().at !== 'over' && over('call_over'),
      })
      stay = { ids, key, ed25519, socket }
    } catch (thrown) {
      if (!current()) return
      const refused = asProblem(thrown)
      if (DEAD_LINK.has(refused.code)) {
        setPhase({ at: 'no_link', code: refused.code })
      } else {
        setProblem(refused)
        setPhase({ at: 'lobby' })
      }
    }
  }

  function backOnline(): void {
    stay?.socket.hurry()
    call.networkChanged()
  }

  window.addEventListener('online', backOnline)
  window.addEventListener('pagehide', leaveNow)
  onCleanup(() => {
    window.removeEventListener('online', backOnline)
    window.removeEventListener('pagehide', leaveNow)
    leaveNow()
    media.end()
  })

  /** The page goes: what can be said at once is said. A browser may bring the page back later, and then it is over. */
  function leaveNow(): void {
    const leaving = stay
    if (!leaving) return
    over('left')
    leaving.socket.send({ type: 'call.leave', call: leaving.ids.call })
    leaving.socket.close()
  }

  if (!environment.unfit) void look()

  return {
    phase,
    invitation,
    /** Why the last knock came to nothing. */
    problem,
    /** The server cannot be reached for the moment; who is connected stays so. */
    away,
    name,
    media,
    call,
    look,
    knock,
    /** Goes away from the door. */
    cancel(): void {
      letGo()
      setPhase({ at: 'lobby' })
    },
    leave: () => over('left'),
    /** After the end: from the beginning; after a lost connection straight back in, if the server still knows us. */
    again(): void {
      const { at } = phase()
      if (at === 'over' && stay) {
        setPhase({ at: 'waiting' })
        admitted()
      } else {
        void look()
      }
    },
  }
}

export type Guest = ReturnType<typeof createGuest>
