// Something that the backend has and a screen shows: asked for once, and anew whenever the backend says that it changed. Several
// changes while an answer is on its way cause one more question, not one each.

import { createSignal } from 'solid-js'
import { createStore, reconcile } from 'solid-js/store'
import type { Problem } from '../backend/bindings/Problem'
import { toProblem } from '../backend/problem'

export interface Fetched<T> {
  /** `undefined` until the first answer. Fine-grained: only what changed causes work. */
  readonly value: T | undefined
  /** Why the newest question failed, if it did. */
  readonly problem: Problem | undefined
  /** Asks; resolves when an answer that is newer than this call is in. Does not reject. */
  refresh(): Promise<void>
}

export function createFetched<T>(ask: () => Promise<T>, key = 'id'): Fetched<T> {
  const [store, setStore] = createStore<{ value: T | undefined }>({ value: undefined })
  const [problem, setProblem] = createSignal<Problem>()
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined

  async function run(): Promise<void> {
    try {
      const value = await ask()
      setStore('value', reconcile(value, { key, merge: false }) as never)
      setProblem(undefined)
    } catch (thrown) {
      setProblem(toProblem(thrown))
    }
  }

  function refresh(): Promise<void> {
    if (!running) {
      running = run().finally(() => {
        running = undefined
      })
      return running
    }
    next ??= running.then(() => {
      next = undefined
      return refresh()
    })
    return next
  }

  return {
    get value() {
      return store.value
    },
    get problem() {
      return problem()
    },
    refresh,
  }
}
