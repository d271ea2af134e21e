// What jsdom lacks and the interface needs: sizes, observers of sizes, media queries, pointer capture.

import { cleanup } from '@solidjs/testing-library'
import { afterEach, vi } from 'vitest'

const WIDTH = 800
const HEIGHT = 600

class InstantResizeObserver implements ResizeObserver {
  readonly #callback: ResizeObserverCallback
  #stopped = false
  constructor(callback: ResizeObserverCallback) {
    this.#callback = callback
  }
  observe(target: Element): void {
    queueMicrotask(() => {
      if (this.#stopped) return
      // A row of a list is not as high as the list.
      const blockSize = target instanceof HTMLElement && target.dataset.height ? Number(target.dataset.height) : 40
      const box = { inlineSize: WIDTH, blockSize: target.getAttribute('role') === 'log' ? HEIGHT : blockSize }
      const contentRect = { width: box.inlineSize, height: box.blockSize } as DOMRectReadOnly
      const entry = { target, contentRect, borderBoxSize: [box], contentBoxSize: [box], devicePixelContentBoxSize: [box] }
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
