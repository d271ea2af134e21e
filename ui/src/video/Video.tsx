// A stream's picture on a canvas of the video's own size, scaled by CSS. Not a <video>: a MediaStream cannot be fed from here in
// WebKitGTK, and a canvas can be read by tests.

import { createSignal, type JSX, onCleanup, onMount, Show } from 'solid-js'
import { useApp } from '../state/context'
import './video.css'

export interface VideoProps {
  /** 'self', 'preview', or a peer's device id. */
  stream: string
  /** For screen readers. */
  label: string
  /** Shown as in a mirror; what is sent is not. */
  mirrored?: boolean
  /** The first picture has been drawn, or its size has changed. */
  onSize?: (width: number, height: number) => void
}

export function Video(props: VideoProps) {
  const { video } = useApp()
  const [drawn, setDrawn] = createSignal(false)
  let canvas!: HTMLCanvasElement

  onMount(() => {
    let frames = 0
    const context = canvas.getContext('2d', { alpha: false })
    const detach = video.feed.attach(props.stream, (picture) => {
      const { displayWidth: width, displayHeight: height } = picture
      if (canvas.width !== width || canvas.height !== height || frames === 0) {
        canvas.width = width
        canvas.height = height
        props.onSize?.(width, height)
      }
      context?.drawImage(picture, 0, 0, width, height)
      frames += 1
      canvas.dataset.frames = String(frames)
      if (frames === 1) setDrawn(true)
    })
    onCleanup(detach)
  })

  return (
    <canvas
      ref={canvas}
      class="video"
      classList={{ 'video-mirrored': props.mirrored, 'video-empty': !drawn() }}
      role="img"
      aria-label={props.label}
      data-stream={props.stream}
      data-frames="0"
    />
  )
}

/** Its children where pictures can be decoded, else `fallback`. */
export function WhereDecodable(props: { fallback: JSX.Element; children: JSX.Element }) {
  const { video } = useApp()
  return (
    <Show when={video.decodable() !== false} fallback={props.fallback}>
      {props.children}
    </Show>
  )
}
