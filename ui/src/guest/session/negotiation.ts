// One pair of stays: who offers, what is answered, what is repeated, when it is given up. The counterpart of
// crates/call/src/session/negotiation.rs, rule for rule, so that a browser and the app, or two browsers, agree.
//
// Perfect negotiation (W3C webrtc §10.7) with what a lossy relay needs in addition: unanswered offers are repeated with backoff, a
// repeated offer gets the same answer again, candidates are repeated until the link stands, and a link that broke is restarted by one
// side first and by the other only later. A connection that died, or never found a link, is replaced by another one; the other side sees
// that by its fingerprint and replaces its own. Not the browser's `negotiationneeded`: which offer is repeated must be known, not guessed.
//
// Sans-IO: told the time in milliseconds, asks no clock, and owns no connection.

import type { Candidate, PairSignal } from '../wire/pair'
import { fingerprint, RemoteCandidates, sameCandidate, ufrags } from './candidates'
import { type Input, isOver, type Link, type Output, type PairState, type Role } from './pair'

/** A peer of which nothing was heard for so long does not come back. */
export const LOST_AFTER = 30_000
/** The server said that it left (or its socket is gone), and the link broke, too. */
const GONE_AFTER = 5_000
/** The one who joined should have offered by now; its roster may have been without us. */
const OFFER_OVERDUE = 4_000
/** First repeat: a signal takes well below half a second each way. */
const FIRST_REPEAT = 800
/** Repeats become no rarer than this: a socket that reconnects should be used soon. */
const SLOWEST_REPEAT = 3_000
/** Most short interruptions heal within two seconds. */
const RESTART_AFTER = 2_000
/** The side that did not offer first restarts only when the other one evidently does not. */
const RESTART_SECOND = 5_000
/** A restart that did not connect within this is tried anew. */
const RESTART_AGAIN = 8_000
/** Connections that may break one after another before there is a link: more would break, too. */
const MOST_RENEWALS = 3
/** Our own candidates, kept for repeating. */
const MAX_LOCAL_CANDIDATES = 32

/** Where the offer/answer exchange stands. The middle three wait for the connection. */
type Exchange =
  | { at: 'stable' }
  | { at: 'making' }
  | { at: 'offered'; offer: string }
  | { at: 'answering'; offer: string }
  | { at: 'accepting'; offer: string; answer: string }

export class Negotiation {
  readonly #role: Role
  #state: PairState = 'connecting'
  #exchange: Exchange = { at: 'stable' }
  #number = 0
  /** The last offer of theirs that was applied, and our answer to it. */
  #answered: { offer: string; answer: string } | undefined
  /** The last answer of theirs that was applied. */
  #accepted: string | undefined
  /** The fingerprint of their connection, by the last description of theirs that was applied. */
  #theirs: string | undefined
  #remote = new RemoteCandidates()
  #local: Candidate[] = []
  #present = true
  #wasConnected = false
  /** Whether this connection ever had a link; `wasConnected` is whether any had. */
  #linked = false
  /** Connections that replaced a broken one since there was a link. */
  #renewals = 0
  /** Since when there is no link. */
  #downSince: number | undefined
  #offerAt: number | undefined
  #restartAt: number | undefined
  #repeatAt: number | undefined
  #repeatAfter = FIRST_REPEAT

  /** A pair that begins now. Its first outputs come from {@link poll}. */
  constructor(now: number, role: Role) {
    this.#role = role
    this.#downSince = now
    this.#offerAt = role.offers ? now : now + OFFER_OVERDUE
  }

  get state(): PairState {
    return this.#state
  }

  /** When {@link poll} has something to do at the latest. */
  nextDeadline(): number | undefined {
    if (isOver(this.#state)) return undefined
    const whenStable = this.#exchange.at === 'stable' ? [this.#offerAt, this.#restartAt] : []
    const all = [...whenStable, this.#repeatAt, this.#givenUpAt()].filter((at) => at !== undefined)
    return all.length > 0 ? Math.min(...all) : undefined
  }

  /** What is due by now. */
  poll(now: number): Output[] {
    const out: Output[] = []
    const due = (at: number | undefined) => at !== undefined && now >= at
    if (isOver(this.#state)) return out
    if (due(this.#givenUpAt())) {
      this.#sayGoodbye(this.#present ? 'lost' : 'left', out)
      return out
    }
    if (this.#exchange.at === 'stable') {
      if (due(this.#restartAt)) {
        // Fresh ICE credentials do not help a connection that never had a link: its handshake may be stuck.
        const restart = this.#linked
        if (!restart) this.#renew(now, out)
        this.#restartAt = now + RESTART_AGAIN
        this.#makeOffer(restart, out)
      } else if (due(this.#offerAt)) {
        this.#makeOffer(false, out)
      }
    }
    if (due(this.#repeatAt)) {
      this.#repeatAfter = Math.min(this.#repeatAfter * 2, SLOWEST_REPEAT)
      this.#repeatAt = now + this.#repeatAfter
      this.#repeat(out)
    }
    return out
  }

  /** Something happened. */
  handle(now: number, input: Input): Output[] {
    const out: Output[] = []
    if (isOver(this.#state)) return out
    switch (input.type) {
      case 'offer_made':
        this.#offerMade(now, input.exchange, input.sdp, out)
        break
      case 'answer_made':
        this.#answerMade(now, input.exchange, input.sdp, out)
        break
      case 'answer_applied':
        this.#answerApplied(now, input.exchange)
        break
      case 'refused':
        this.#refused(now, input.exchange, out)
        break
      case 'local_candidate':
        this.#localCandidate(input.candidate, out)
        break
      case 'remote':
        this.#remoteSignal(now, input.signal, out)
        break
      case 'link':
        this.#linkChanged(now, input.link, out)
        break
      case 'present':
        this.#present = input.present
        break
      case 'network_changed':
        if (this.#wasConnected) this.#restartAt = now
        break
      case 'hang_up':
        this.#sayGoodbye('left', out)
        break
      case 'broken':
        this.#broke(now, out)
        break
    }
    return out
  }

  #go(state: PairState, out: Output[]): void {
    if (this.#state === state) return
    this.#state = state
    out.push({ type: 'state', state })
  }

  #sayGoodbye(state: PairState, out: Output[]): void {
    out.push({ type: 'send', signal: { type: 'bye' } })
    this.#go(state, out)
  }

  /** Our own connection is of no use. */
  #broke(now: number, out: Output[]): void {
    if (this.#renewals >= MOST_RENEWALS) {
      this.#sayGoodbye('lost', out)
      return
    }
    this.#renewals += 1
    this.#renew(now, out)
    this.#makeOffer(false, out)
  }

  /** Begins anew with another connection. What the one before still answers is out of date. */
  #renew(now: number, out: Output[]): void {
    out.push({ type: 'renew' })
    this.#number += 1
    this.#exchange = { at: 'stable' }
    this.#answered = undefined
    this.#accepted = undefined
    this.#theirs = undefined
    this.#remote = new RemoteCandidates()
    this.#local = []
    this.#linked = false
    this.#offerAt = undefined
    this.#restartAt = undefined
    this.#repeatAt = undefined
    this.#downSince ??= now
    if (this.#wasConnected) this.#go('reconnecting', out)
  }

  #givenUpAt(): number | undefined {
    if (this.#downSince === undefined) return undefined
    return this.#downSince + (this.#present ? LOST_AFTER : GONE_AFTER)
  }

  #makeOffer(restart: boolean, out: Output[]): void {
    this.#offerAt = undefined
    this.#number += 1
    this.#exchange = { at: 'making' }
    out.push({ type: 'make_offer', exchange: this.#number, restart })
  }

  #applyOffer(sdp: string, out: Output[]): void {
    this.#offerAt = undefined
    this.#number += 1
    out.push({ type: 'apply_offer', exchange: this.#number, sdp })
    this.#addWaiting(sdp, out)
    this.#exchange = { at: 'answering', offer: sdp }
  }

  #addWaiting(sdp: string, out: Output[]): void {
    for (const candidate of this.#remote.described(sdp)) out.push({ type: 'add_candidate', candidate })
  }

  #offerMade(now: number, exchange: number, sdp: string, out: Output[]): void {
    if (exchange !== this.#number || this.#exchange.at !== 'making') return
    this.#keepCandidatesOf(sdp)
    this.#exchange = { at: 'offered', offer: sdp }
    this.#repeat(out)
    this.#repeatSoon(now)
  }

  #answerMade(now: number, exchange: number, sdp: string, out: Output[]): void {
    if (exchange !== this.#number || this.#exchange.at !== 'answering') return
    this.#answered = { offer: this.#exchange.offer, answer: sdp }
    this.#theirs = fingerprint(this.#exchange.offer)
    this.#exchange = { at: 'stable' }
    this.#keepCandidatesOf(sdp)
    this.#sendAnswer(out)
    this.#repeatSoon(now)
    // Later than the side that offered: it restarts when our answer was applied. Both may have answered offers that were taken back.
    if (!this.#linked) this.#restartAt ??= now + RESTART_AGAIN + (this.#role.offers ? 0 : RESTART_SECOND)
  }

  #answerApplied(now: number, exchange: number): void {
    if (exchange !== this.#number || this.#exchange.at !== 'accepting') return
    this.#accepted = this.#exchange.answer
    this.#theirs = fingerprint(this.#exchange.answer)
    this.#exchange = { at: 'stable' }
    if (!this.#linked) this.#restartAt ??= now + RESTART_AGAIN
    this.#repeatSoon(now)
  }

  #refused(now: number, exchange: number, out: Output[]): void {
    if (exchange !== this.#number) return
    const { at } = this.#exchange
    if (at === 'answering') {
      this.#exchange = { at: 'stable' }
      out.push({ type: 'bad_signal' })
    } else if (at === 'accepting') {
      this.#exchange = { at: 'offered', offer: this.#exchange.offer }
      out.push({ type: 'bad_signal' })
    } else if (at === 'making') {
      // Our own connection cannot make an offer: nothing that is repeated would help.
      this.#broke(now, out)
    }
  }

  #remoteSignal(now: number, signal: PairSignal, out: Output[]): void {
    if (signal.type === 'bye') {
      this.#go('left', out)
    } else if (signal.type === 'candidate') {
      const { candidate, mid, line, ufrag } = signal
      const added = this.#remote.came({ candidate, mid, line, ufrag })
      if (added) out.push({ type: 'add_candidate', candidate: added })
    } else if (signal.kind === 'offer') {
      this.#remoteOffer(now, signal.sdp, out)
    } else {
      this.#remoteAnswer(now, signal.sdp, signal.of, out)
    }
  }

  #remoteOffer(now: number, sdp: string, out: Output[]): void {
    if (this.#answered?.offer === sdp) {
      // They repeat it, so our answer was lost. But not after a newer offer of ours that stands: for that one they take theirs
      // back, and the old answer would meet whatever they offer next.
      if (this.#role.polite || this.#exchange.at !== 'offered') this.#sendAnswer(out)
      return
    }
    if (this.#isOfAnother(sdp)) this.#renew(now, out)
    const { at } = this.#exchange
    if (at === 'stable') {
      this.#applyOffer(sdp, out)
    } else if ((at === 'making' || at === 'offered') && this.#role.polite) {
      out.push({ type: 'rollback' })
      this.#applyOffer(sdp, out)
    }
    // Impolite: ours stands. In the other two: not now. They repeat it if it still matters then.
  }

  #remoteAnswer(now: number, sdp: string, of: string | null, out: Output[]): void {
    if (this.#accepted === sdp) return
    if (this.#exchange.at === 'offered') {
      const [ours] = ufrags(this.#exchange.offer)
      // It answers what our connection before this one offered.
      if (of !== null && ours !== undefined && of !== ours) return
    }
    if (this.#isOfAnother(sdp)) {
      this.#renew(now, out)
      this.#makeOffer(false, out)
      return
    }
    if (this.#exchange.at !== 'offered') return
    this.#number += 1
    out.push({ type: 'apply_answer', exchange: this.#number, sdp })
    this.#addWaiting(sdp, out)
    this.#exchange = { at: 'accepting', offer: this.#exchange.offer, answer: sdp }
  }

  /** Whether a description is of another connection than the one that ours is tied to: ours cannot go on with it. */
  #isOfAnother(sdp: string): boolean {
    const exchange = this.#exchange
    let tied = this.#theirs
    if (exchange.at === 'answering') tied = fingerprint(exchange.offer)
    else if (exchange.at === 'accepting') tied = fingerprint(exchange.answer)
    const theirs = fingerprint(sdp)
    return theirs !== undefined && tied !== undefined && theirs !== tied
  }

  #localCandidate(candidate: Candidate, out: Output[]): void {
    const known = this.#local.some((kept) => sameCandidate(kept, candidate))
    if (candidate.candidate === '' || known || this.#local.length >= MAX_LOCAL_CANDIDATES) return
    this.#local.push(candidate)
    // While a description is being made they are held, and go after it.
    if (this.#exchange.at !== 'making' && this.#exchange.at !== 'answering')
      out.push({ type: 'send', signal: { type: 'candidate', ...candidate } })
  }

  #linkChanged(now: number, link: Link, out: Output[]): void {
    if (link === 'connected') {
      this.#wasConnected = true
      this.#linked = true
      this.#renewals = 0
      this.#downSince = undefined
      this.#restartAt = undefined
      this.#go('connected', out)
      return
    }
    this.#downSince ??= now
    if (this.#wasConnected) this.#go('reconnecting', out)
    const first = link === 'failed' ? 0 : RESTART_AFTER
    const at = now + (this.#role.offers ? first : RESTART_SECOND)
    // Before there ever was a link only the first offerer restarts: the other cannot know that its answer arrived.
    if (this.#wasConnected || this.#role.offers) this.#restartAt = Math.min(this.#restartAt ?? at, at)
  }

  #keepCandidatesOf(sdp: string): void {
    const current = ufrags(sdp)
    this.#local = this.#local.filter(({ ufrag }) => ufrag === null || current.includes(ufrag))
  }

  #repeatSoon(now: number): void {
    this.#repeatAfter = FIRST_REPEAT
    this.#repeatAt = now + FIRST_REPEAT
  }

  /** Says again what the other side may have missed. */
  #repeat(out: Output[]): void {
    if (this.#exchange.at === 'offered') {
      const { offer } = this.#exchange
      out.push({ type: 'send', signal: { type: 'description', kind: 'offer', sdp: offer, of: null } })
      this.#sendCandidates(out)
    } else if (this.#downSince === undefined) {
      this.#repeatAt = undefined
    } else if (this.#exchange.at === 'stable') {
      this.#sendCandidates(out)
    }
  }

  #sendAnswer(out: Output[]): void {
    if (!this.#answered) return
    const { offer, answer } = this.#answered
    const of = ufrags(offer)[0] ?? null
    out.push({ type: 'send', signal: { type: 'description', kind: 'answer', sdp: answer, of } })
    this.#sendCandidates(out)
  }

  #sendCandidates(out: Output[]): void {
    for (const candidate of this.#local)
      out.push({ type: 'send', signal: { type: 'candidate', ...candidate } })
  }
}
