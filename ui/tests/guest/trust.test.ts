import { webcrypto } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { type Ed25519, libraryEd25519, webCryptoEd25519 } from '../../src/guest/session/ed25519'
import { type PairIds, Signer, Verifier } from '../../src/guest/session/trust'
import { fromBase64, toBase64 } from '../../src/guest/wire/content'

// jsdom's own has neither Ed25519 nor digests.
vi.stubGlobal('crypto', webcrypto)

const id = (number: number) => `00000000-0000-0000-0000-${String(number).padStart(12, '0')}`
const ids: PairIds = { call: id(1), me: id(2), myJoin: id(3), them: id(4), theirJoin: id(5) }
const mirrored: PairIds = { call: id(1), me: id(4), myJoin: id(5), them: id(2), theirJoin: id(3) }
const bye = { type: 'bye' } as const

const kinds: Record<string, () => Promise<Ed25519>> = {
  'the browser’s': () => webCryptoEd25519(webcrypto.subtle as SubtleCrypto),
  'the library’s': libraryEd25519,
}

describe.each(Object.entries(kinds))('with %s Ed25519', (_name, make) => {
  async function pair(theirs: PairIds = mirrored) {
    const ed25519 = await make()
    const key = await ed25519.generate()
    return {
      signer: new Signer(ids, key),
      verifier: new Verifier(theirs, key.publicKey, ed25519.verify),
      ed25519,
    }
  }

  test('a signal is believed once', async () => {
    const { signer, verifier } = await pair()
    const first = await signer.sign(bye)
    expect(await verifier.open(first)).toEqual({ signal: bye })
    expect(await verifier.open(first)).toEqual({ refused: 'replayed' })
    expect(await verifier.open(await signer.sign(bye))).toEqual({ signal: bye })
  })

  test('signals that are signed at once keep their order', async () => {
    const { signer, verifier } = await pair()
    const sealed = await Promise.all(Array.from({ length: 20 }, () => signer.sign(bye)))
    expect(sealed.map(({ counter }) => counter)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1))
    const opened = await Promise.all(sealed.map((envelope) => verifier.open(envelope)))
    expect(opened).toEqual(Array(20).fill({ signal: bye }))
  })

  test('what was held back is refused and forgeries do not move the counter', async () => {
    const { signer, verifier } = await pair()
    const [first, second] = [await signer.sign(bye), await signer.sign(bye)]
    expect(await verifier.open({ ...second, counter: 1_000_000 })).toEqual({ refused: 'forged' })
    expect(await verifier.open(second)).toEqual({ signal: bye })
    expect(await verifier.open(first)).toEqual({ refused: 'replayed' })
  })

  test('a signal of another call, device, stay or key is refused', async () => {
    for (const [other, refused] of [
      [{ ...mirrored, call: id(9) }, 'forged'],
      [{ ...mirrored, them: id(9) }, 'forged'],
      [{ ...mirrored, me: id(9) }, 'forged'],
      [{ ...mirrored, theirJoin: id(9) }, 'other_stay'],
      [{ ...mirrored, myJoin: id(9) }, 'other_stay'],
    ] as const) {
      const { signer, verifier } = await pair(other)
      expect(await verifier.open(await signer.sign(bye))).toEqual({ refused })
    }
    const { signer, ed25519 } = await pair()
    const stranger = await ed25519.generate()
    const verifier = new Verifier(mirrored, stranger.publicKey, ed25519.verify)
    expect(await verifier.open(await signer.sign(bye))).toEqual({ refused: 'forged' })
    const none = new Verifier(mirrored, new Uint8Array(32).fill(255), ed25519.verify)
    expect(await none.open(await signer.sign(bye))).toEqual({ refused: 'forged' })
  })

  test('any bit that is flipped makes it a forgery', async () => {
    const { signer, verifier } = await pair()
    const envelope = await signer.sign(bye)
    for (const field of ['payload', 'signature'] as const) {
      const bytes = fromBase64(envelope[field]) ?? new Uint8Array()
      for (let at = 0; at < bytes.length; at += 7) {
        const flipped = Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ 4 : byte))
        expect(await verifier.open({ ...envelope, [field]: toBase64(flipped) })).toEqual({
          refused: 'forged',
        })
      }
    }
    expect(await verifier.open({ ...envelope, signature: 'AAAA' })).toEqual({ refused: 'forged' })
    expect(await verifier.open(envelope)).toEqual({ signal: bye })
  })

  test('signed rubbish is malformed', async () => {
    const { signer, verifier } = await pair()
    const rubbish = await signer.sign({ type: 'dance' } as never)
    expect(await verifier.open(rubbish)).toEqual({ refused: 'malformed' })
  })
})

test('each understands what the other has signed', async () => {
  const [browser, library] = await Promise.all(Object.values(kinds).map((make) => make()))
  for (const [from, to] of [
    [browser, library],
    [library, browser],
  ]) {
    if (!from || !to) throw new Error('both are there')
    const key = await from.generate()
    const verifier = new Verifier(mirrored, key.publicKey, to.verify)
    expect(await verifier.open(await new Signer(ids, key).sign(bye))).toEqual({ signal: bye })
  }
})
