// Bytes as they travel in JSON: unpadded base64 (RFC 4648 §4).

/** Bytes that own their memory, as WebCrypto wants them. */
export type Bytes = Uint8Array<ArrayBuffer>

export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text).replace(/=+$/, '')
}

/** `undefined` for what is no base64, or is padded. */
export function fromBase64(text: string): Bytes | undefined {
  if (text.includes('=') || /\s/.test(text)) return undefined
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}
