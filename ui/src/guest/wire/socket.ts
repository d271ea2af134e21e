// The signal socket: connects, comes back with a fresh ticket when it is lost, and says what it hears. What is said while it is away is
// lost, which is what signals are made for: what matters is repeated by Negotiation.

import type { ClientSignal } from '../../backend/bindings/ClientSignal'
import type { ApiProblem } from './api'
import { type GuestSignal, isResumable, readSignal, SUBPROTOCOL } from './signal'

/** The first attempt to come back follows soon; a server that restarts is up within a second. */
const FIRST_WAIT_MS = 400
const LONGEST_WAIT_MS = 8_000
/** A connection that is not made in this time is tried anew. */
const OPEN_WITHIN_MS = 10_000

export interface SocketEvents {
  onSignal(signal: GuestSignal): void
  /** It was lost and will be tried again; `onSignal` with `hello` says that it is back. */
  onLost(): void
  /** It will not come back: another page has taken its place, the session is over, or the server said so. */
  onClosed(why: 'replaced' | 'over'): void
}

/** Codes of the ticket route after which asking again is of no use. */
const FINAL = new Set<ApiProblem['code']>(['unauthorized', 'forbidden', 'not_found', 'link_expired'])
/** Our close code for a connection that a newer one of the same device replaced. */
const REPLACED = 4100

/** Waits: each about twice the last, and not the same for everybody whom a restart threw out. */
export function waitBefore(attempt: number, random: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt) * (0.75 + random / 2)
}

export class SignalSocket {
  readonly #url: string
  readonly #ticket: () => Promise<string>
  readonly #events: SocketEvents
  #socket: WebSocket | undefined
  #attempt = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false

  /** `first` is the ticket that came with the knock; `ticket` gets another. */
  constructor(url: string, first: string, ticket: () => Promise<string>, events: SocketEvents) {
    this.#url = url
    this.#ticket = ticket
    this.#events = events
    this.#open(first)
  }

  /** Says something, if it is connected. */
  send(signal: ClientSignal): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(signal))
  }

  /** Does not wait any longer to come back: the network is there again. */
  hurry(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    void this.#again()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#socket?.close(1000)
  }

  #open(ticket: string): void {
    const socket = new WebSocket(`${this.#url}?ticket=${encodeURIComponent(ticket)}`, SUBPROTOCOL)
    this.#socket = socket
    const late = setTimeout(() => socket.close(), OPEN_WITHIN_MS)
    socket.onopen = () => clearTimeout(late)
    socket.onmessage = ({ data }) => {
      const signal = typeof data === 'string' ? readSignal(data) : undefined
      if (!signal || this.#closed) return
      if (signal.type === 'hello') this.#attempt = 0
      this.#events.onSignal(signal)
    }
    socket.onclose = ({ code }) => {
      clearTimeout(late)
      if (this.#closed || this.#socket !== socket) return
      if (!isResumable(code)) return this.#end(code === REPLACED ? 'replaced' : 'over')
      this.#events.onLost()
      this.#later()
    }
  }

  #later(): void {
    const wait = waitBefore(this.#attempt, Math.random())
    this.#attempt += 1
    this.#timer = setTimeout(() => void this.#again(), wait)
  }

  async #again(): Promise<void> {
    this.#timer = undefined
    try {
      const ticket = await this.#ticket()
      if (!this.#closed) this.#open(ticket)
    } catch (error) {
      if (this.#closed) return
      if (FINAL.has((error as ApiProblem).code)) this.#end('over')
      else this.#later()
    }
  }

  #end(why: 'replaced' | 'over'): void {
    this.#closed = true
    this.#events.onClosed(why)
  }
}
