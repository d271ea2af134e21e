// The tiles of a call: pictures that the backend sends, encoded (video/).

import type { JSX } from 'solid-js'
import type { PeerView } from '../backend/bindings/PeerView'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import type { Box } from '../ui/layout'
import { Tile, tellSize } from '../ui/tile'
import type { Tiles } from '../ui/tiles'
import { Video, WhereDecodable } from '../video/Video'

interface PictureProps {
  stream: string
  label: string
  mirrored?: boolean
  onSize: (width: number, height: number) => void
}

function Picture(props: PictureProps): JSX.Element {
  const { t } = useI18n()
  return (
    <WhereDecodable
      fallback={
        <p class="tile-message tile-message-over" role="status" data-testid={ids.tileMessage}>
          {t('call.noDecoder')}
        </p>
      }
    >
      <Video stream={props.stream} label={props.label} mirrored={props.mirrored} onSize={props.onSize} />
    </WhereDecodable>
  )
}

export function PeerTile(props: { peer: PeerView; box: Box; onAspect: (aspect: number) => void }) {
  const { backend } = useApp()
  const device = props.peer.device
  tellSize(
    () => props.box,
    (width, height) => {
      backend
        .setTile(device, width, height)
        .catch((thrown) => console.warn('cannot tell the size of a tile', thrown))
    },
  )
  return (
    <Tile
      device={device}
      name={props.peer.name}
      guest={props.peer.guest}
      microphone={props.peer.microphone}
      camera={props.peer.camera}
      speaking={props.peer.speaking}
      link={props.peer.link}
      box={props.box}
      picture={(seen) => <Picture stream={device} label={props.peer.name} onSize={seen} />}
      onAspect={props.onAspect}
    />
  )
}

export function SelfTile(props: { self: Tiles['self'] }) {
  const { t } = useI18n()
  const app = useApp()
  const own = () => app.call()?.own
  return (
    <Tile
      device="self"
      name={app.account.value?.display_name ?? ''}
      self={props.self}
      microphone={own()?.microphone ?? false}
      camera={own()?.camera ?? false}
      speaking={own()?.speaking ?? false}
      box={props.self.box()}
      picture={(seen) => <Picture stream="self" label={t('settings.preview')} mirrored onSize={seen} />}
      onAspect={props.self.shape}
    />
  )
}
