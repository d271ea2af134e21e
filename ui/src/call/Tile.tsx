// Somebody in the call: their picture or, without one, their face; their name; whether they are muted; a ring while they speak.

import { MicOff, VideoOff } from 'lucide-solid'
import { createEffect, createSignal, type JSX, on, onCleanup, onMount, Show } from 'solid-js'
import type { PeerView } from '../backend/bindings/PeerView'
import type { Problem } from '../backend/bindings/Problem'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { Face } from '../ui/face'
import './guests.css'
import { Video, WhereDecodable } from '../video/Video'
import type { Box } from './layout'

interface TileProps {
  device: string
  stream: string
  name: string
  label: string
  own?: boolean
  guest?: boolean
  /** Lies small over the others. */
  corner?: boolean
  microphone: boolean
  camera: boolean
  speaking: boolean
  box: Box
  onAspect: (aspect: number) => void
  /** Covers the picture, as while reconnecting. */
  veil?: JSX.Element
  problem?: Problem | null
}

function Tile(props: TileProps) {
  const { t, ...i18n } = useI18n()
  const [size, setSize] = createSignal(false)
  // The next picture is another one: until it comes, the face stands there.
  createEffect(
    on(
      () => props.camera,
      () => setSize(false),
      { defer: true },
    ),
  )
  return (
    <figure
      class="tile"
      classList={{ 'tile-speaking': props.speaking && props.microphone, 'tile-corner': props.corner }}
      style={{
        left: `${props.box.left}px`,
        top: `${props.box.top}px`,
        width: `${props.box.width}px`,
        height: `${props.box.height}px`,
      }}
      data-testid={ids.tile}
      data-device={props.device}
      data-microphone={String(props.microphone)}
      data-camera={String(props.camera)}
      data-speaking={String(props.speaking)}
    >
      <Show when={!props.camera || !size()}>
        <div class="tile-face">
          <Face name={props.name} size={props.corner ? 'normal' : 'large'} />
          <Show when={props.problem}>
            {(problem) => (
              <p class="tile-message" data-testid={ids.tileMessage}>
                {i18n.problem(problem())}
              </p>
            )}
          </Show>
        </div>
      </Show>
      <Show when={props.camera}>
        <WhereDecodable
          fallback={
            <p class="tile-message tile-message-over" role="status" data-testid={ids.tileMessage}>
              {t('call.noDecoder')}
            </p>
          }
        >
          <Video
            stream={props.stream}
            label={props.label}
            mirrored={props.own}
            onSize={(width, height) => {
              setSize(true)
              props.onAspect(width / height)
            }}
          />
        </WhereDecodable>
      </Show>
      {props.veil}
      <figcaption class="tile-caption">
        <Show when={!props.microphone}>
          <span
            class="tile-mark"
            data-testid={ids.tileMuted}
            role="img"
            aria-label={props.own ? t('call.youMuted') : t('call.muted', props.name)}
          >
            <MicOff size={14} aria-hidden="true" />
          </span>
        </Show>
        <Show when={!props.camera && !props.own}>
          <span class="tile-mark" role="img" aria-label={t('call.noCamera', props.name)}>
            <VideoOff size={14} aria-hidden="true" />
          </span>
        </Show>
        <span class="tile-name">{props.own ? t('common.you') : props.name}</span>
        <Show when={props.guest}>
          <span class="guest-mark" title={t('guests.unverified')}>
            {t('guests.mark')}
          </span>
        </Show>
        <Show when={props.speaking && props.microphone}>
          <span class="visually-hidden">{t('call.speaking', props.name)}</span>
        </Show>
      </figcaption>
    </figure>
  )
}

/** Sizes that follow each other faster than this are told once: a split that is dragged changes with every frame. */
const TELL_SIZE_AFTER_MS = 150

export function PeerTile(props: { peer: PeerView; box: Box; onAspect: (aspect: number) => void }) {
  const { t } = useI18n()
  const { backend } = useApp()
  const device = props.peer.device
  const tell = (width: number, height: number) => {
    backend
      .setTile(device, width, height)
      .catch((thrown) => console.warn('cannot tell the size of a tile', thrown))
  }

  // Others send no more than is shown: our size in physical pixels, nothing while the window is hidden.
  const [hidden, setHidden] = createSignal(document.hidden)
  const onVisibility = () => setHidden(document.hidden)
  onMount(() => document.addEventListener('visibilitychange', onVisibility))
  onCleanup(() => document.removeEventListener('visibilitychange', onVisibility))
  createEffect(() => {
    const shown = !hidden() && props.box.width > 0
    const ratio = window.devicePixelRatio || 1
    const width = shown ? Math.round(props.box.width * ratio) : 0
    const height = shown ? Math.round(props.box.height * ratio) : 0
    const timer = setTimeout(() => tell(width, height), TELL_SIZE_AFTER_MS)
    onCleanup(() => clearTimeout(timer))
  })
  onCleanup(() => tell(0, 0))

  return (
    <Tile
      device={device}
      stream={device}
      name={props.peer.name}
      label={props.peer.name}
      guest={props.peer.guest}
      microphone={props.peer.microphone}
      camera={props.peer.camera}
      speaking={props.peer.speaking}
      box={props.box}
      onAspect={props.onAspect}
      veil={
        <Show when={props.peer.link !== 'connected'}>
          <p class="tile-veil" role="status">
            {props.peer.link === 'connecting' ? t('call.connecting') : t('call.reconnecting')}
          </p>
        </Show>
      }
    />
  )
}

export function SelfTile(props: { box: Box; corner: boolean; onAspect: (aspect: number) => void }) {
  const { t } = useI18n()
  const app = useApp()
  const own = () => app.call()?.own
  return (
    <Tile
      device="self"
      stream="self"
      name={app.account.value?.display_name ?? ''}
      label={t('settings.preview')}
      own
      corner={props.corner}
      microphone={own()?.microphone ?? false}
      camera={own()?.camera ?? false}
      speaking={own()?.speaking ?? false}
      box={props.box}
      onAspect={props.onAspect}
    />
  )
}
