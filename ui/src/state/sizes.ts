// How the reader has divided the window.

import { createSignal } from 'solid-js'
import { kept } from '../kept'

export function createSize(name: string, initial: number) {
  const key = `snug.size.${name}`
  const stored = Number(kept.read(key) ?? Number.NaN)
  const [size, setSize] = createSignal(Number.isFinite(stored) && stored > 0 ? stored : initial)
  return [
    size,
    (next: number) => {
      setSize(next)
      kept.write(key, String(next))
    },
  ] as const
}
