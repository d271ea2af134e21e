// Following a pointer that is held down, wherever it goes.

import { onCleanup } from 'solid-js'

interface Following {
  /** How far it is from where it was put down, in CSS pixels. */
  onMove: (right: number, down: number) => void
  /** It was lifted, or taken away by the system. */
  onEnd?: () => void
}

/** Gives a handler for `pointerdown`, which asks what to do each time; one pointer at once, and the main button only. */
export function followPointer(begin: () => Following): (event: PointerEvent) => void {
  let stop = () => {}
  onCleanup(() => stop())

  return (down) => {
    if (down.button !== 0 || down.isPrimary === false) return
    down.preventDefault()
    stop()
    const following = begin()
    const move = (at: PointerEvent) => {
      if (at.pointerId === down.pointerId)
        following.onMove(at.clientX - down.clientX, at.clientY - down.clientY)
    }
    const end = (at: PointerEvent) => {
      if (at.pointerId !== down.pointerId) return
      stop()
      following.onEnd?.()
    }
    stop = () => {
      window.removeEventListener('pointermove', move)
      window.removeEventListener('pointerup', end)
      window.removeEventListener('pointercancel', end)
    }
    window.addEventListener('pointermove', move)
    window.addEventListener('pointerup', end)
    window.addEventListener('pointercancel', end)
  }
}
