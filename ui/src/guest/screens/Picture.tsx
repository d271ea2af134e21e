// A track's picture, kept in its shape and filling its box.

import { createEffect, onCleanup } from 'solid-js'

interface PictureProps {
  /** Without one there is nothing to see yet. */
  track: MediaStreamTrack | null
  /** 'preview', 'self', or a device. */
  stream: string
  /** For screen readers. */
  label: string
  mirrored?: boolean
  /** The first picture came, or its shape changed. */
  onSize?: (width: number, height: number) => void
}

export function Picture(props: PictureProps) {
  let video!: HTMLVideoElement
  createEffect(() => {
    video.srcObject = props.track ? new MediaStream([props.track]) : null
    onCleanup(() => {
      video.srcObject = null
    })
  })
  const told = () => {
    if (video.videoWidth > 0) props.onSize?.(video.videoWidth, video.videoHeight)
  }
  return (
    <video
      ref={video}
      class="picture"
      classList={{ 'picture-mirrored': props.mirrored }}
      aria-label={props.label}
      data-stream={props.stream}
      autoplay
      playsinline
      muted
      disablepictureinpicture
      onLoadedMetadata={told}
      onResize={told}
    />
  )
}
