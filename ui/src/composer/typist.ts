// Tells others that one types: when one begins, again while one goes on, and when one stops, once each.

/** Repeated while typing goes on, for those who come later. */
const REPEAT_MS = 4_000
/** Without a key for this long nobody types any more. */
const IDLE_MS = 5_000

export function createTypist(tell: (room: string, active: boolean) => void) {
  let typing: { room: string; toldAt: number } | undefined
  let idle: ReturnType<typeof setTimeout> | undefined

  function stop(room: string): void {
    if (typing?.room !== room) return
    clearTimeout(idle)
    typing = undefined
    tell(room, false)
  }

  return {
    typed(room: string, now = Date.now()): void {
      if (typing && typing.room !== room) stop(typing.room)
      if (!typing || now - typing.toldAt >= REPEAT_MS) {
        typing = { room, toldAt: now }
        tell(room, true)
      }
      clearTimeout(idle)
      idle = setTimeout(() => stop(room), IDLE_MS)
    },
    stop,
  }
}
