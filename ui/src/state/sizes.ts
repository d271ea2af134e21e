// How the reader has divided the window. Remembered by the webview itself, because it belongs to this window and to nothing else;
// where it cannot be remembered the sizes begin afresh.

import { createSignal } from 'solid-js'

export function createSize(name: string, initial: number) {
  const key = `snug.size.${name}`
  const [size, setSize] = createSignal(read(key) ?? initial)
  return [
    size,
    (next: number) => {
      setSize(next)
      try {
        localStorage.setItem(key, String(next))
      } catch {
        // Forgotten with the window, then.
      }
    },
  ] as const
}

function read(key: string): number | undefined {
  try {
    const stored = Number(localStorage.getItem(key) ?? Number.NaN)
    return Number.isFinite(stored) && stored > 0 ? stored : undefined
  } catch {
    return undefined
  }
}
