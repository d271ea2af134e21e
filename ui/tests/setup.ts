// What jsdom lacks and the interface needs: sizes, observers of sizes, media queries, pointer capture.

import { cleanup, configure } from '@solidjs/testing-library'
import { afterEach, vi } from 'vitest'

// Failures say what was expected, not the whole document. CI machines are slow: the default second is too short for a cold import.
configure({ getElementError: (message) => new Error(message?.split('\n')[0]), asyncUtilTimeout: 4_000 })

const WIDTH = 800
const HEIGHT = 600
const ROW = 40

class InstantResizeObserver implements ResizeObserver {
  readonly #callback: ResizeObserverCallback
  #stopped = false
  constructor(callback: ResizeObserverCallback) {
    this.#callback = callback
  }
  observe(target: Element): void {
    queueMicrotask(() => {
      if (this.#stopped) return
      // High enough that every row is drawn: jsdom cannot scroll.
      const box = { inlineSize: WIDTH, blockSize: target.getAttribute('role') === 'log' ? 50_000 : ROW }
      const contentRect = { width: box.inlineSize, height: box.blockSize } as DOMRectReadOnly
      const entry = {
        target,
        contentRect,
        borderBoxSize: [box],
        contentBoxSize: [box],
        devicePixelContentBoxSize: [box],
      }
      this.#callback([entry], this)
    })
  }
  unobserve(): void {}
  disconnect(): void {
    this.#stopped = true
  }
}

vi.stubGlobal('ResizeObserver', InstantResizeObserver)
vi.stubGlobal('matchMedia', (query: string) => ({
  matches: false,
  media: query,
  addEventListener() {},
  removeEventListener() {},
}))
Object.defineProperties(HTMLElement.prototype, {
  offsetParent: {
    get(this: HTMLElement) {
      return this.parentElement
    },
  },
  offsetHeight: { get: () => HEIGHT },
  offsetWidth: { get: () => WIDTH },
  clientHeight: { get: () => HEIGHT },
  clientWidth: { get: () => WIDTH },
})
Element.prototype.scrollTo = () => {}
Element.prototype.scrollIntoView = () => {}
Element.prototype.hasPointerCapture = () => false
document.hasFocus = () => true
HTMLCanvasElement.prototype.getContext = (() => null) as never

afterEach(() => {
  cleanup()
  document.body.replaceChildren()
  localStorage.clear()
})
