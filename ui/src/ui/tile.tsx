// Somebody in the call: their picture or, without one, their face; their name; whether they are muted; a ring while they speak.

import { MicOff, VideoOff } from 'lucide-solid'
import { createEffect, createSignal, type JSX, on, onCleanup, onMount, Show } from 'solid-js'
import { useI18n } from '../i18n'
import { ids } from '../testids'
import { Face } from './face'
import { GuestMark } from './guest-mark'
import type { Box } from './layout'
import type { Tiles } from './tiles'
import './tile.css'

interface TileProps {
  device: string
  name: string
  guest?: boolean
  /** It is ours, and this is how it is moved while it lies in a corner. */
  self?: Tiles['self']
  microphone: boolean
  camera: boolean
  speaking: boolean
  /** How the connection to them is; none to ourselves. */
  link?: 'connecting' | 'connected' | 'reconnecting' | 'left' | 'lost'
  box: Box
  /** The picture, while the camera is on; it calls `seen` when it is there. */
  picture: (seen: (width: number, height: number) => void) => JSX.Element
  /** Changes when the picture becomes another one. */
  source?: unknown
  onAspect: (aspect: number) => void
}

export function Tile(props: TileProps) {
  const { t } = useI18n()
  const [seen, setSeen] = createSignal(false)
  // The next picture is another one: until it comes, the face stands there.
  createEffect(
    on(
      () => [props.camera, props.source],
      () => setSeen(false),
      { defer: true },
    ),
  )
  const speaks = () => props.speaking && props.microphone
  const corner = () => props.self?.corner()
  return (
    <figure
      class="tile"
      classList={{
        'tile-speaking': speaks(),
        'tile-corner': corner() !== undefined,
        'tile-dragged': props.self?.dragged(),
      }}
      style={{
        left: `${props.box.left}px`,
        top: `${props.box.top}px`,
        width: `${props.box.width}px`,
        height: `${props.box.height}px`,
      }}
      tabIndex={corner() ? 0 : undefined}
      aria-label={corner() ? t('call.move') : undefined}
      aria-keyshortcuts={corner() ? 'ArrowUp ArrowDown ArrowLeft ArrowRight' : undefined}
      onPointerDown={(event) => corner() && props.self?.drag(event)}
      onKeyDown={(event) => corner() && props.self?.key(event)}
      data-testid={ids.tile}
      data-device={props.device}
      data-microphone={String(props.microphone)}
      data-camera={String(props.camera)}
      data-speaking={String(props.speaking)}
      data-link={props.link}
      data-corner={corner()}
    >
      <Show when={!props.camera || !seen()}>
        <div class="tile-face">
          <Face name={props.name} size={corner() ? 'normal' : 'large'} />
        </div>
      </Show>
      <Show when={props.camera}>
        {props.picture((width, height) => {
          setSeen(true)
          props.onAspect(width / height)
        })}
      </Show>
      <Show when={props.link !== undefined && props.link !== 'connected'}>
        <p class="tile-veil" role="status">
          {props.link === 'connecting' ? t('call.connecting') : t('call.reconnecting')}
        </p>
      </Show>
      <figcaption class="tile-caption">
        <Show when={!props.microphone}>
          <span
            class="tile-mark"
            data-testid={ids.tileMuted}
            role="img"
            aria-label={props.self ? t('call.youMuted') : t('call.muted', props.name)}
          >
            <MicOff size={14} aria-hidden="true" />
          </span>
        </Show>
        <Show when={!props.camera && !props.self}>
          <span class="tile-mark" role="img" aria-label={t('call.noCamera', props.name)}>
            <VideoOff size={14} aria-hidden="true" />
          </span>
        </Show>
        <span class="tile-name">{props.self ? t('common.you') : props.name}</span>
        <Show when={props.guest}>
          <GuestMark />
        </Show>
        <Show when={speaks()}>
          <span class="visually-hidden">{t('call.speaking', props.name)}</span>
        </Show>
      </figcaption>
    </figure>
  )
}

/** Sizes that follow each other faster than this are told once: a split that is dragged changes with every frame. */
const TELL_SIZE_AFTER_MS = 150

/** Others send no more than is shown: tells a tile's size in physical pixels, nothing while the window is hidden or the tile gone. */
export function tellSize(box: () => Box, tell: (width: number, height: number) => void): void {
  const [hidden, setHidden] = createSignal(document.hidden)
  const onVisibility = () => setHidden(document.hidden)
  onMount(() => document.addEventListener('visibilitychange', onVisibility))
  onCleanup(() => document.removeEventListener('visibilitychange', onVisibility))
  createEffect(() => {
    const shown = !hidden() && box().width > 0
    const ratio = shown ? window.devicePixelRatio || 1 : 0
    const width = Math.round(box().width * ratio)
    const height = Math.round(box().height * ratio)
    const timer = setTimeout(() => tell(width, height), TELL_SIZE_AFTER_MS)
    onCleanup(() => clearTimeout(timer))
  })
  onCleanup(() => tell(0, 0))
}
