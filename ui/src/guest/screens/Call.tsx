// In the call: the tiles, the controls, the chat beside them (over them on a phone).

import { MessageSquare, Mic, MicOff, PhoneOff, Settings2, Video, VideoOff, WifiOff } from 'lucide-solid'
import { createMemo, createSignal, For, onCleanup, onMount, Show } from 'solid-js'
import { createStore } from 'solid-js/store'
import { layoutTiles, selfBox, USUAL_ASPECT } from '../../call/layout'
import { Timer } from '../../call/Timer'
import { useI18n } from '../../i18n'
import { isPressed } from '../../keyboard/shortcuts'
import { IconButton } from '../../ui/button'
import { Sheet } from '../../ui/dialog'
import { useGuest } from '../state/context'
import { ids } from '../testids'
import { useWords } from '../words'
import { Chat } from './Chat'
import { DevicePickers, DeviceProblems, LevelBar } from './Devices'
import { Sound } from './Sound'
import { PeerTile, SelfTile } from './Tile'
import '../../call/stage.css'
import '../../ui/field.css'

const GAP = 8
const MARGIN = 12

export function CallScreen() {
  const { t } = useI18n()
  const w = useWords()
  const guest = useGuest()
  const { call, media } = guest
  const [choosing, setChoosing] = createSignal(false)

  function key(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing || event.repeat || choosing()) return
    const does: [string, () => void][] = [
      ['Control+d', () => void media.switch('microphone', !media.state.microphone.on)],
      ['Control+e', () => void media.switch('camera', !media.state.camera.on)],
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
      <section class="stage" aria-label={t('call.stage')} data-testid={ids.stage}>
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
      </section>
      <Show when={call.state.chatOpen}>
        <Chat onClose={() => call.openChat(false)} />
      </Show>
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
  const [size, setSize] = createStore({ width: 0, height: 0 })
  const [aspects, setAspects] = createStore<Record<string, number>>({})
  const [selfAspect, setSelfAspect] = createSignal(USUAL_ASPECT)
  let field!: HTMLDivElement

  onMount(() => {
    const measure = () => setSize({ width: field.clientWidth, height: field.clientHeight })
    const observer = new ResizeObserver(measure)
    observer.observe(field)
    measure()
    onCleanup(() => observer.disconnect())
  })

  // One other fills the stage and we are in its corner; among several we are one of them, so nobody's face is covered.
  const peers = () => call.state.peers
  const together = () => peers().length !== 1
  const boxes = createMemo(() => {
    const others = peers().map(({ device }) => aspects[device] ?? USUAL_ASPECT)
    return layoutTiles(together() ? [...others, selfAspect()] : others, size, GAP)
  })
  const ownBox = () => (together() ? boxes().at(-1) : undefined) ?? selfBox(selfAspect(), size, MARGIN)

  return (
    <div class="stage-field" ref={field}>
      <For each={peers()}>
        {(peer, index) => (
          <PeerTile
            peer={peer}
            box={boxes()[index()] ?? { left: 0, top: 0, width: 0, height: 0 }}
            onAspect={(aspect) => setAspects(peer.device, aspect)}
          />
        )}
      </For>
      <SelfTile box={ownBox()} corner={!together()} onAspect={setSelfAspect} />
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
  const { camera, microphone } = media.state
  return (
    <div class="stage-controls" role="toolbar" aria-label={t('call.stage')}>
      <IconButton
        icon={microphone.on ? Mic : MicOff}
        label={microphone.on ? t('call.mute') : t('call.unmute')}
        shortcut="Control+d"
        size="large"
        look={microphone.on ? 'stage' : 'off'}
        onClick={() => void media.switch('microphone', !microphone.on)}
        testid={ids.microphone}
      />
      <IconButton
        icon={camera.on ? Video : VideoOff}
        label={camera.on ? t('call.cameraOff') : t('call.cameraOn')}
        shortcut="Control+e"
        size="large"
        look={camera.on ? 'stage' : 'off'}
        onClick={() => void media.switch('camera', !camera.on)}
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
      <span class="guest-chat-button">
        <IconButton
          icon={MessageSquare}
          label={call.state.unread > 0 ? w('call.chatUnread', call.state.unread) : w('call.chat')}
          size="large"
          look="stage"
          expanded={call.state.chatOpen}
          onClick={() => call.openChat(!call.state.chatOpen)}
          testid={ids.chat}
        />
        <Show when={call.state.unread > 0}>
          <span class="guest-unread" aria-hidden="true">
            {call.state.unread > 99 ? '99+' : call.state.unread}
          </span>
        </Show>
      </span>
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
