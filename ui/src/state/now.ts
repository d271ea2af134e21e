// The time, for what is written of it on the screen: "Today", and the length of a call.

import { type Accessor, createSignal, onCleanup } from 'solid-js'

/** The wall clock, read anew every `milliseconds` until the owner goes. */
export function createNow(milliseconds: number): Accessor<number> {
  const [now, setNow] = createSignal(Date.now())
  const timer = setInterval(() => setNow(Date.now()), milliseconds)
  onCleanup(() => clearInterval(timer))
  return now
}
