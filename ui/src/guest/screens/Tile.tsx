// Somebody in the call: their picture or, without one, their face; their name; whether they are muted; a ring while they speak.
// Looks like the app's tile (call/stage.css); what is in it is a browser's track.

import { MicOff, VideoOff } from 'lucide-solid'
import { createEffect, createSignal, on, onCleanup, onMount, Show } from 'solid-js'
import type { Box } from '../../call/layout'
import { useI18n } from '../../i18n'
import { Face } from '../../ui/face'
import type { PeerView } from '../state/call'
import { useGuest } from '../state/context'
import { ids } from '../testids'
import { useWords } from '../words'
import { Picture } from './Picture'

interface TileProps {
  device: string
  name: string
  own?: boolean
  guest?: boolean
  /** Lies small over the others. */
  corner?: boolean
  microphone: boolean
  camera: boolean
  speaking: boolean
  track: MediaStreamTrack | null
  link?: PeerView['link']
  box: Box
  onAspect: (aspect: number) => void
}

function Tile(props: TileProps) {
  const { t } = useI18n()
  const w = useWords()
  const [seen, setSeen] = createSignal(false)
  // The next picture is another one: until it comes, the face stands there.
  createEffect(
    on(
      () => [props.camera, props.track],
      () => setSeen(false),
      { defer: true },
    ),
  )
  const speaks = () => props.speaking && props.microphone
  return (
    <figure
      class="tile"
      classList={{ 'tile-speaking': speaks(), 'tile-corner': props.corner }}
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
      data-link={props.link}
    >
      <Show when={!props.camera || !seen()}>
        <div class="tile-face">
          <Face name={props.name} size={props.corner ? 'normal' : 'large'} />
        </div>
      </Show>
      <Show when={props.camera && props.track}>
        {(track) => (
          <Picture
            track={track()}
            stream={props.device}
            label={props.own ? t('settings.preview') : props.name}
            mirrored={props.own}
            onSize={(width, height) => {
              setSeen(true)
              props.onAspect(width / height)
            }}
          />
        )}
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
          <span class="guest-mark">{w('call.guest')}</span>
        </Show>
        <Show when={speaks()}>
          <span class="visually-hidden">{t('call.speaking', props.name)}</span>
        </Show>
      </figcaption>
    </figure>
  )
}

/** Sizes that follow each other faster than this are told once. */
const TELL_SIZE_AFTER_MS = 150

export function PeerTile(props: { peer: PeerView; box: Box; onAspect: (aspect: number) => void }) {
  const w = useWords()
  const { call } = useGuest()
  const device = props.peer.device

  // Others send no more than is shown: our size in physical pixels, nothing while the page is hidden.
  const [hidden, setHidden] = createSignal(document.hidden)
  const onVisibility = () => setHidden(document.hidden)
  onMount(() => document.addEventListener('visibilitychange', onVisibility))
  onCleanup(() => document.removeEventListener('visibilitychange', onVisibility))
  createEffect(() => {
    const shown = !hidden() && props.box.width > 0
    const ratio = shown ? window.devicePixelRatio || 1 : 0
    const width = Math.round(props.box.width * ratio)
    const height = Math.round(props.box.height * ratio)
    const timer = setTimeout(() => call.setTile(device, width, height), TELL_SIZE_AFTER_MS)
    onCleanup(() => clearTimeout(timer))
  })

  return (
    <Tile
      device={device}
      name={props.peer.name || w('call.somebody')}
      guest={props.peer.guest}
      microphone={props.peer.microphone}
      camera={props.peer.camera}
      speaking={props.peer.speaking}
      track={props.peer.video?.getVideoTracks()[0] ?? null}
      link={props.peer.link}
      box={props.box}
      onAspect={props.onAspect}
    />
  )
}

export function SelfTile(props: { box: Box; corner: boolean; onAspect: (aspect: number) => void }) {
  const { name, call, media } = useGuest()
  return (
    <Tile
      device="self"
      name={name()}
      own
      corner={props.corner}
      microphone={call.own().microphone}
      camera={call.own().camera}
      speaking={call.state.speaking}
      track={media.state.camera.track}
      box={props.box}
      onAspect={props.onAspect}
    />
  )
}
