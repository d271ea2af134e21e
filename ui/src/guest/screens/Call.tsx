// In the call: the tiles, the controls, the chat beside them (over them on a phone).

import { PhoneOff, Settings2, WifiOff } from 'lucide-solid'
import { createSignal, For, onCleanup, onMount, Show } from 'solid-js'
import { Timer } from '../../call/Timer'
import { useI18n } from '../../i18n'
import { isPressed } from '../../keyboard/shortcuts'
import { IconButton } from '../../ui/button'
import { ChatButton } from '../../ui/call-chat'
import { CameraButton, MicrophoneButton } from '../../ui/device-buttons'
import { Sheet } from '../../ui/dialog'
import { createTiles } from '../../ui/tiles'
import { useGuest } from '../state/context'
import { ids } from '../testids'
import { useWords } from '../words'
import { Chat } from './Chat'
import { DevicePickers, DeviceProblems, LevelBar } from './Devices'
import { Sound } from './Sound'
import { PeerTile, SelfTile } from './Tile'
import '../../call/stage.css'
import '../../ui/field.css'

export function CallScreen() {
  const { t } = useI18n()
  const w = useWords()
  const guest = useGuest()
  const { call, media } = guest
  const [choosing, setChoosing] = createSignal(false)

  function key(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing || event.repeat || choosing()) return
    const does: [string, () => void][] = [
      ['Control+d', () => void media.switch('microphone', !media.works('microphone'))],
      ['Control+e', () => void media.switch('camera', !media.works('camera'))],
      ['Control+Shift+h', guest.leave],
    ]
    if (call.state.chatOpen) does.push(['Escape', () => call.openChat(false)])
    const pressed = does.find(([keys]) => isPressed(keys, event))
    if (!pressed) return
    event.preventDefault()
    pressed[1]()
  }
  onMount(() => window.addEventListener('keydown', key))
  onCleanup(() => window.removeEventListener('keydown', key))

  return (
    <main class="guest-call">
      <section
        class="stage"
        classList={{ 'stage-chatting': call.state.chatOpen }}
        aria-label={t('call.stage')}
        data-testid={ids.stage}
      >
        <Tiles />
        <div class="stage-top">
          <Timer since={call.state.since} />
          <Show when={guest.away()}>
            <p class="stage-problem" role="status">
              <WifiOff size={16} aria-hidden="true" />
              {w('call.away')}
            </p>
          </Show>
          <Sound />
          <DeviceProblems />
        </div>
        <Controls onDevices={() => setChoosing(true)} />
        <Show when={call.state.chatOpen}>
          <Chat />
        </Show>
      </section>
      <Sheet open={choosing()} onClose={() => setChoosing(false)} title={w('lobby.devices')}>
        <DevicePickers />
        <LevelBar />
        <DeviceProblems />
      </Sheet>
    </main>
  )
}

function Tiles() {
  const w = useWords()
  const { call } = useGuest()
  const peers = () => call.state.peers
  // One other fills the stage and we are in its corner; alone or among several we are a tile as everybody.
  const tiles = createTiles({
    devices: () => peers().map(({ device }) => device),
    together: () => peers().length !== 1,
  })

  return (
    <div class="stage-field" ref={tiles.field}>
      <For each={peers()}>
        {(peer, index) => (
          <PeerTile
            peer={peer}
            box={tiles.box(index())}
            onAspect={(aspect) => tiles.shape(peer.device, aspect)}
          />
        )}
      </For>
      <SelfTile self={tiles.self} />
      <Show when={peers().length === 0}>
        <p class="guest-alone" role="status" data-testid={ids.alone}>
          <strong>{w('call.alone')}</strong> {w('call.aloneLead')}
        </p>
      </Show>
    </div>
  )
}

function Controls(props: { onDevices: () => void }) {
  const { t } = useI18n()
  const w = useWords()
  const { call, media, leave } = useGuest()
  return (
    <div class="stage-controls" role="toolbar" aria-label={t('call.stage')}>
      <MicrophoneButton
        on={media.works('microphone')}
        shortcut
        size="large"
        onSwitch={(on) => void media.switch('microphone', on)}
        testid={ids.microphone}
      />
      <CameraButton
        on={media.works('camera')}
        shortcut
        size="large"
        onSwitch={(on) => void media.switch('camera', on)}
        testid={ids.camera}
      />
      <IconButton
        icon={Settings2}
        label={w('lobby.devices')}
        size="large"
        look="stage"
        onClick={props.onDevices}
        testid={ids.devices}
      />
      <ChatButton
        open={call.state.chatOpen}
        unread={call.state.unread}
        onClick={() => call.openChat(!call.state.chatOpen)}
        testid={ids.chat}
      />
      <IconButton
        icon={PhoneOff}
        label={w('call.leave')}
        shortcut="Control+Shift+h"
        size="large"
        look="danger"
        onClick={leave}
        testid={ids.leave}
      />
    </div>
  )
}
