// The call of the room that is looked at: tiles, what is going on, and the controls.

import { CircleAlert, Maximize2, Minimize2, PhoneOff, Settings2, UserPlus } from 'lucide-solid'
import { For, Show } from 'solid-js'
import type { CallView } from '../backend/bindings/CallView'
import type { RoomSummary } from '../backend/bindings/RoomSummary'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { IconButton } from '../ui/button'
import { ChatButton } from '../ui/call-chat'
import { CameraButton, MicrophoneButton } from '../ui/device-buttons'
import { Face } from '../ui/face'
import { createTiles } from '../ui/tiles'
import { Chat } from './Chat'
import { endOf, isLive, phaseName } from './phase'
import { PeerTile, SelfTile } from './Tile'
import { Timer } from './Timer'
import './stage.css'

export function Stage(props: { call: CallView; room: RoomSummary }) {
  const { t, ...i18n } = useI18n()
  const app = useApp()
  // One other fills the stage and we are in its corner; among several we are one of them.
  const tiles = createTiles({
    devices: () => props.call.peers.map(({ device }) => device),
    together: () => props.call.peers.length > 1,
  })
  const chatting = () => isLive(props.call) && app.chat.open()
  const problems = () =>
    [props.call.own.microphone_problem, props.call.own.camera_problem].filter((problem) => problem !== null)

  return (
    <section
      class="stage"
      classList={{ 'stage-chatting': chatting() }}
      aria-label={t('call.stage')}
      data-testid={ids.stage}
      data-phase={phaseName(props.call)}
    >
      <div class="stage-field" ref={tiles.field}>
        <Show
          when={endOf(props.call) === undefined}
          fallback={<Waiting call={props.call} room={props.room} />}
        >
          <For each={props.call.peers} fallback={<Waiting call={props.call} room={props.room} />}>
            {(peer, index) => (
              <PeerTile
                peer={peer}
                box={tiles.box(index())}
                onAspect={(aspect) => tiles.shape(peer.device, aspect)}
              />
            )}
          </For>
          <SelfTile self={tiles.self} />
        </Show>
      </div>
      <div class="stage-top">
        <Show when={props.call.phase === 'active' && props.call.connected_at !== null}>
          <Timer since={props.call.connected_at ?? 0} />
        </Show>
        <For each={problems()}>
          {(problem) => (
            <p class="stage-problem" role="alert">
              <CircleAlert size={16} aria-hidden="true" />
              {i18n.problem(problem)}
            </p>
          )}
        </For>
      </div>
      <Show when={isLive(props.call)}>
        <Controls call={props.call} />
      </Show>
      <Show when={chatting()}>
        <Chat />
      </Show>
    </section>
  )
}

/** Nobody to be seen: it rings, it connects, or it is over. */
function Waiting(props: { call: CallView; room: RoomSummary }) {
  const { t } = useI18n()
  const name = () => props.call.peer_name || props.room.name
  const words = () => {
    const end = endOf(props.call)
    switch (end) {
      case undefined:
        return props.call.phase === 'outgoing' ? t('call.calling', name()) : t('call.connecting')
      case 'here':
      case 'elsewhere':
      case 'lost':
        return t(`call.ended.${end}`)
      default:
        return t(`call.ended.${end}`, name())
    }
  }
  return (
    <div class="stage-waiting">
      <span classList={{ 'stage-ringing': props.call.phase === 'outgoing' }}>
        <Face name={name()} size="large" />
      </span>
      <p role="status" data-testid={ids.callStatus}>
        {words()}
      </p>
    </div>
  )
}

function Controls(props: { call: CallView }) {
  const { t } = useI18n()
  const app = useApp()
  const own = () => props.call.own
  return (
    <div class="stage-controls" role="toolbar" aria-label={t('call.stage')}>
      <MicrophoneButton
        on={own().microphone}
        shortcut
        size="large"
        onSwitch={(on) => app.attempt(() => app.backend.setMicrophone(on))}
        testid={ids.callMicrophone}
      />
      <CameraButton
        on={own().camera}
        shortcut
        size="large"
        onSwitch={(on) => app.attempt(() => app.backend.setCamera(on))}
        testid={ids.callCamera}
      />
      <IconButton
        icon={Settings2}
        label={t('call.devices')}
        size="large"
        look="stage"
        onClick={() => app.view.openSettings('devices')}
        testid={ids.callDevices}
      />
      <IconButton
        icon={UserPlus}
        label={t('guests.invite')}
        size="large"
        look="stage"
        onClick={() => app.view.open('guests')}
        testid={ids.callGuests}
      />
      <ChatButton
        open={app.chat.open()}
        unread={app.chat.unread()}
        onClick={() => app.chat.setOpen(!app.chat.open())}
        testid={ids.callChatOpen}
      />
      <IconButton
        icon={app.view.fullStage() ? Minimize2 : Maximize2}
        label={app.view.fullStage() ? t('call.notFull') : t('call.full')}
        shortcut="Control+f"
        size="large"
        look="stage"
        onClick={() => app.view.setFullStage(!app.view.fullStage())}
        testid={ids.callFull}
      />
      <IconButton
        icon={PhoneOff}
        label={props.call.phase === 'outgoing' ? t('call.cancel') : t('call.hangUp')}
        shortcut="Control+Shift+h"
        size="large"
        look="danger"
        onClick={() => app.attempt(() => app.backend.hangUp())}
        testid={ids.callHangUp}
      />
    </div>
  )
}
