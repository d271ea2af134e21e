// The tiles of a call: pictures that are tracks of the browser.

import { useI18n } from '../../i18n'
import type { Box } from '../../ui/layout'
import { Tile, tellSize } from '../../ui/tile'
import type { Tiles } from '../../ui/tiles'
import type { PeerView } from '../state/call'
import { useGuest } from '../state/context'
import { useWords } from '../words'
import { Picture } from './Picture'

export function PeerTile(props: { peer: PeerView; box: Box; onAspect: (aspect: number) => void }) {
  const w = useWords()
  const { call } = useGuest()
  const device = props.peer.device
  const name = () => props.peer.name || w('call.somebody')
  const track = () => props.peer.video?.getVideoTracks()[0] ?? null
  tellSize(
    () => props.box,
    (width, height) => call.setTile(device, width, height),
  )
  return (
    <Tile
      device={device}
      name={name()}
      guest={props.peer.guest}
      microphone={props.peer.microphone}
      camera={props.peer.camera}
      speaking={props.peer.speaking}
      link={props.peer.link}
      box={props.box}
      source={track()}
      picture={(seen) => <Picture track={track()} stream={device} label={name()} onSize={seen} />}
      onAspect={props.onAspect}
    />
  )
}

export function SelfTile(props: { self: Tiles['self'] }) {
  const { t } = useI18n()
  const { name, call, media } = useGuest()
  const track = () => media.state.camera.track
  return (
    <Tile
      device="self"
      name={name()}
      self={props.self}
      microphone={call.own().microphone}
      camera={call.own().camera}
      speaking={call.state.speaking}
      box={props.self.box()}
      source={track()}
      picture={(seen) => (
        <Picture track={track()} stream="self" label={t('settings.preview')} mirrored onSize={seen} />
      )}
      onAspect={props.self.shape}
    />
  )
}
