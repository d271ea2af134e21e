// What is said in writing during a call. The app keeps it for as long as the call lasts; here is only what of it has been seen.

import { createEffect, createMemo, createSignal, on } from 'solid-js'
import type { Backend } from '../backend/backend'
import { createFetched } from './fetched'

export function createChat(backend: Backend, call: () => string | undefined) {
  const lines = createFetched(() => backend.callChat())
  const [open, setOpen] = createSignal(false)
  const [seen, setSeen] = createSignal<string>()

  const unread = createMemo(() => {
    const all = lines.value ?? []
    const from = all.findIndex(({ id }) => id === seen()) + 1
    return all.slice(from).filter(({ own }) => !own).length
  })
  // Whoever looks has seen it.
  createEffect(() => {
    if (open()) setSeen(lines.value?.at(-1)?.id)
  })
  // Another call, another chat.
  createEffect(
    on(call, () => {
      setOpen(false)
      void lines.refresh()
    }),
  )

  return {
    get lines() {
      return lines.value ?? []
    },
    /** How many lines of others came while nobody looked. */
    unread,
    open,
    setOpen,
    changed: () => void lines.refresh(),
  }
}

export type Chat = ReturnType<typeof createChat>
