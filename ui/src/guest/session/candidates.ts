// Trickled candidates that come before their description, twice, or for a generation that is gone. The same rules as
// crates/call/src/session/candidates.rs: a candidate's text is not looked at, only its ICE user fragment (RFC 8838 §14).

import type { Candidate } from '../wire/pair'

/** Candidates that are kept or remembered. A machine of many interfaces with STUN and TURN has about 20. */
const MAX_KEPT = 64

/** The ICE user fragments in a description, repeats included. */
export function ufrags(sdp: string): string[] {
  return [...sdp.matchAll(/^a=ice-ufrag:(\S+)/gm)].map(([, ufrag]) => ufrag ?? '')
}

/** The DTLS fingerprint in a description: which connection it is of. */
export function fingerprint(sdp: string): string | undefined {
  return /^a=fingerprint:(.*\S)/m.exec(sdp)?.[1]
}

export function sameCandidate(a: Candidate, b: Candidate): boolean {
  return a.candidate === b.candidate && a.mid === b.mid && a.line === b.line && a.ufrag === b.ufrag
}

/** The candidates of the other side. */
export class RemoteCandidates {
  /** Of the description that is applied; `undefined` before there is one. */
  #ufrags: string[] | undefined
  #early: Candidate[] = []
  #added: Candidate[] = []

  /** A candidate came: given back if it can be added now; kept if it is early; nothing if it came before. */
  came(candidate: Candidate): Candidate | undefined {
    // An empty one ends the generation, which nothing here waits for.
    if (candidate.candidate === '') return undefined
    const known = (kept: Candidate) => sameCandidate(kept, candidate)
    if (this.#added.some(known)) return undefined
    if (this.#fits(candidate)) {
      keep(this.#added, candidate)
      return candidate
    }
    if (!this.#early.some(known)) keep(this.#early, candidate)
    return undefined
  }

  /** A description is applied: gives back what waited for it. */
  described(sdp: string): Candidate[] {
    const now = ufrags(sdp)
    if (this.#ufrags?.join(' ') !== now.join(' ')) {
      this.#added = []
      this.#ufrags = now
    }
    const waited = this.#early
    this.#early = []
    return waited.flatMap((candidate) => this.came(candidate) ?? [])
  }

  #fits(candidate: Candidate): boolean {
    if (this.#ufrags === undefined) return false
    return candidate.ufrag === null || this.#ufrags.includes(candidate.ufrag)
  }
}

/** Keeps the newest. */
function keep(kept: Candidate[], candidate: Candidate): void {
  if (kept.length >= MAX_KEPT) kept.shift()
  kept.push(candidate)
}
