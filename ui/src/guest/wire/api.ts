// The few HTTP routes that a guest has (crates/protocol/src/guest.rs). Everything that can go wrong is an ApiProblem with one code.

import type { Admission } from '../../backend/bindings/Admission'
import type { ErrorCode } from '../../backend/bindings/ErrorCode'
import type { GuestInvitation } from '../../backend/bindings/GuestInvitation'
import type { IceServer } from '../../backend/bindings/IceServer'
import type { Knock } from '../../backend/bindings/Knock'
import type { Knocked } from '../../backend/bindings/Knocked'
import { asFields, isText, isUuid } from './read'

/** Long enough for a phone in a train, short enough to be told before one closes the page. */
const TIMEOUT_MS = 15_000

/** Why a request came to nothing: what the server said, or that it could not be reached. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly code: ErrorCode | 'offline'
  /** With `rate_limited`: milliseconds until a retry may succeed. */
  readonly retryAfter: number | undefined

  constructor(code: ErrorCode | 'offline', message: string, retryAfter?: number) {
    super(message)
    this.code = code
    this.retryAfter = retryAfter
  }
}

/** The server, as far as a guest may ask it. */
export interface GuestApi {
  look(): Promise<GuestInvitation>
  knock(knock: Knock): Promise<Knocked>
  /** A ticket for the next connection of the signal socket. */
  ticket(session: string): Promise<string>
  iceServers(session: string): Promise<IceServer[]>
}

async function request(path: string, init: RequestInit): Promise<unknown> {
  let response: Response
  try {
    // Same origin, and nothing of the browser's own goes along: a guest is who the token says.
    response = await fetch(`/api/v1${path}`, {
      ...init,
      credentials: 'omit',
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
  } catch (error) {
    throw new ApiProblem('offline', String(error))
  }
  const body: unknown = await response.json().catch(() => undefined)
  if (response.ok && body !== undefined) return body
  const said = asFields(body)
  const after = typeof said?.retry_after_ms === 'number' ? said.retry_after_ms : undefined
  // A proxy that answers for a server that is away has no code of ours.
  const code = isText(said?.code)
    ? (said.code as ErrorCode)
    : response.status >= 500
      ? 'unavailable'
      : 'unknown'
  throw new ApiProblem(code, isText(said?.message) ? said.message : response.statusText, after)
}

const strange = (what: string) => new ApiProblem('unknown', `not ${what}`)

function readInvitation(body: unknown): GuestInvitation {
  const said = asFields(body)
  if (!isText(said?.space_name) || !isText(said.room_name) || !isUuid(said.call))
    throw strange('an invitation')
  const { space_name, room_name, call } = said
  const admission: Admission = said.admission === 'open' ? 'open' : 'knock'
  const people = Array.isArray(said.people) ? said.people.filter(isText) : []
  return {
    space_name,
    room_name,
    call,
    admission,
    people,
    invited_by: isText(said.invited_by) ? said.invited_by : '',
  }
}

function readKnocked(body: unknown): Knocked {
  const said = asFields(body)
  const guest = asFields(said?.guest)
  if (!isUuid(guest?.user) || !isUuid(guest.device)) throw strange('a guest')
  if (!isUuid(said?.call) || !isUuid(said.room) || !isText(said.session) || !isText(said.ticket))
    throw strange('a guest')
  const { call, room, session, ticket } = said
  return { guest: { user: guest.user, device: guest.device }, call, room, session, ticket }
}

/** In a `urls` entry the host `*` stands for the address under which this page was reached. */
export function readIceServers(body: unknown, hostname: string): IceServer[] {
  const servers = asFields(body)?.servers
  if (!Array.isArray(servers)) throw strange('a list of servers')
  return servers.flatMap((server) => {
    const said = asFields(server)
    const urls = Array.isArray(said?.urls) ? said.urls.filter(isText) : []
    if (urls.length === 0) return []
    const here = urls.map((url) => url.replace(/^(stuns?|turns?):\*/, `$1:${hostname}`))
    const { username, credential } = said ?? {}
    return isText(username) && isText(credential) ? { urls: here, username, credential } : { urls: here }
  })
}

/** The routes for one link. */
export function guestApi(token: string): GuestApi {
  const guest = `/guest/${encodeURIComponent(token)}`
  const as = (session: string) => ({ Authorization: `Bearer ${session}` })
  return {
    look: async () => readInvitation(await request(guest, {})),
    knock: async (knock) =>
      readKnocked(
        await request(`${guest}/knock`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(knock),
        }),
      ),
    ticket: async (session) => {
      const body = await request('/signal/ticket', { method: 'POST', headers: as(session) })
      const ticket = asFields(body)?.ticket
      if (!isText(ticket)) throw strange('a ticket')
      return ticket
    },
    iceServers: async (session) =>
      readIceServers(await request('/ice', { headers: as(session) }), location.hostname),
  }
}
