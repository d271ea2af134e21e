// Who is in the call, as the server says it. Only the server's view: it forgets people when it restarts and when their socket was gone
// for long, while their media goes on. So a change here begins pairs, and merely informs those that exist.

import type { Participant } from '../../backend/bindings/Participant'

/** More devices than a call without a server in between could carry; a roster that is longer is cut. */
const MAX_MEMBERS = 32

/** What a roster message changed; whether this side offers to who came: the one who joins does. */
export type RosterChange =
  | { type: 'came'; participant: Participant; weOffer: boolean }
  | { type: 'went'; device: string; join: string }

/** The others in a call. */
export class Roster {
  readonly #me: string
  readonly #members = new Map<string, Participant>()

  /** An empty one; `me` is never listed. */
  constructor(me: string) {
    this.#me = me
  }

  /** The whole list came: the answer to our join. Those that are new were there before us, so we offer. */
  replace(members: readonly Participant[]): RosterChange[] {
    const gone = [...this.#members.values()].filter(
      ({ device }) => !members.some((member) => member.device === device),
    )
    const changes = gone.flatMap(({ device, join }) => this.left(device, join))
    return [...changes, ...members.flatMap((member) => this.#put(member, true))]
  }

  /** Somebody joined after us, and will offer. */
  joined(participant: Participant): RosterChange[] {
    return this.#put(participant, false)
  }

  /** Somebody left. An old stay's leaving says nothing of a newer one. */
  left(device: string, join: string): RosterChange[] {
    if (this.#members.get(device)?.join !== join) return []
    this.#members.delete(device)
    return [{ type: 'went', device, join }]
  }

  #put(participant: Participant, weOffer: boolean): RosterChange[] {
    const { device, join } = participant
    const known = this.#members.get(device)
    if (device === this.#me || known?.join === join) return []
    if (!known && this.#members.size >= MAX_MEMBERS) return []
    this.#members.set(device, participant)
    const came: RosterChange = { type: 'came', participant, weOffer }
    return known ? [{ type: 'went', device, join: known.join }, came] : [came]
  }
}
