// The feed of this window: video/feed.ts with WebCodecs, the window's clock and its animation frames.

import { createSignal } from 'solid-js'
import type { Backend } from '../backend/backend'
import { canDecode, webCodecsDecoder } from './decoder'
import { VideoFeed } from './feed'

/**
 * A hidden window gets no animation frames. Pictures must be taken out all the same, or they pile up in the decoder: four times
 * a second is enough to close them.
 */
const HIDDEN_TICK_MS = 250

function onFrame(callback: () => void): () => void {
  if (document.hidden) {
    const timer = setTimeout(callback, HIDDEN_TICK_MS)
    return () => clearTimeout(timer)
  }
  // Whichever comes first: a window that is hidden after this was asked for gets no frame.
  const frame = requestAnimationFrame(done)
  const timer = setTimeout(done, HIDDEN_TICK_MS)
  function cancel() {
    cancelAnimationFrame(frame)
    clearTimeout(timer)
  }
  function done() {
    cancel()
    callback()
  }
  return cancel
}

export function createVideo(backend: Pick<Backend, 'pullVideo' | 'requestKeyframe'>) {
  /** Whether pictures can be decoded here; `undefined` until it is known. */
  const [decodable, setDecodable] = createSignal<boolean>()
  void canDecode().then(setDecodable)

  const feed = new VideoFeed<VideoFrame>({
    pull: () => backend.pullVideo(),
    requestKeyframe(stream) {
      // A stream that is not open yet refuses; its first picture is a keyframe anyway.
      backend.requestKeyframe(stream).catch(() => {})
    },
    makeDecoder: webCodecsDecoder,
    now: () => performance.now(),
    onFrame,
    wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  })
  return { feed, decodable }
}
