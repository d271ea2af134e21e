// What this browser remembers for the next link: the guest's name and language. Nothing else is kept.

import { createSignal } from 'solid-js'

const NAME = 'snug.guest.name'
const LANGUAGE = 'snug.guest.language'

/** A browser may forbid to keep anything; then nothing is kept. */
function read(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    // As above.
  }
}

const [language, setLanguage] = createSignal(read(LANGUAGE))

export const remembered = {
  language,
  setLanguage(value: string): void {
    setLanguage(value)
    write(LANGUAGE, value)
  },
  name: () => read(NAME) ?? '',
  setName: (value: string) => write(NAME, value),
}
