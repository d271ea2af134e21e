// Ed25519 (RFC 8032) by the browser where it has it (Chromium 137, Firefox 129, Safari 17), else by @noble/ed25519, which is only
// fetched then. The key lives as long as the page and cannot be read out of it.

import type { Bytes } from '../wire/content'

/** A key pair of which the secret half stays inside. */
export interface SigningKey {
  publicKey: Bytes
  sign(message: Bytes): Promise<Bytes>
}

/** Whether a signature of `message` is that of the public key. Never rejects. */
export type Verify = (publicKey: Bytes, signature: Bytes, message: Bytes) => Promise<boolean>

/** What a page needs of Ed25519. */
export interface Ed25519 {
  generate(): Promise<SigningKey>
  verify: Verify
}

/** By WebCrypto; rejects where that has no Ed25519. */
export async function webCryptoEd25519(subtle: SubtleCrypto): Promise<Ed25519> {
  const generate = async (): Promise<SigningKey> => {
    const pair = (await subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair
    return {
      publicKey: new Uint8Array(await subtle.exportKey('raw', pair.publicKey)),
      sign: async (message) => new Uint8Array(await subtle.sign('Ed25519', pair.privateKey, message)),
    }
  }
  // The first key shows whether it can.
  await generate()
  return {
    generate,
    verify: async (publicKey, signature, message) => {
      try {
        const key = await subtle.importKey('raw', publicKey, 'Ed25519', false, ['verify'])
        return await subtle.verify('Ed25519', key, signature, message)
      } catch {
        return false
      }
    },
  }
}

/** By the library. */
export async function libraryEd25519(): Promise<Ed25519> {
  const noble = await import('@noble/ed25519')
  return {
    generate: async () => {
      const secret = noble.utils.randomSecretKey()
      return {
        publicKey: Uint8Array.from(await noble.getPublicKeyAsync(secret)),
        sign: async (message) => Uint8Array.from(await noble.signAsync(message, secret)),
      }
    },
    verify: (publicKey, signature, message) =>
      // Strict as the app is (RFC 8032 §5.1.7), not by ZIP 215, which takes more.
      noble.verifyAsync(signature, message, publicKey, { zip215: false }).catch(() => false),
  }
}

/** The best that this browser has. */
export function findEd25519(): Promise<Ed25519> {
  return webCryptoEd25519(crypto.subtle).catch(libraryEd25519)
}
