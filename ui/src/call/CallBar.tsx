// The call that goes on in a room that is not looked at: at the bottom of the rail, so it is never lost.

import { PhoneOff } from 'lucide-solid'
import { Show } from 'solid-js'
import type { CallView } from '../backend/bindings/CallView'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { IconButton } from '../ui/button'
import { MicrophoneButton } from '../ui/device-buttons'
import { isLive } from './phase'
import { Timer } from './Timer'
import './call-bar.css'

export function CallBar() {
  const app = useApp()
  const unseen = () => {
    const call = app.call()
    if (!call || !isLive(call)) return undefined
    // On a narrow window the rail stands in front of the room that is shown.
    const seen = call.room === app.view.room() && !(app.view.narrow() && app.view.pane() === 'rail')
    return seen ? undefined : call
  }
  return <Show when={unseen()}>{(call) => <Bar call={call()} />}</Show>
}

function Bar(props: { call: CallView }) {
  const { t } = useI18n()
  const app = useApp()
  const where = () => {
    const room = app.rooms.value?.find(({ id }) => id === props.call.room)
    return room?.kind === 'room'
      ? t('call.elsewhere', room.name)
      : t('call.elsewhereWith', room?.name ?? props.call.peer_name)
  }
  return (
    <div class="call-bar" data-testid={ids.callBar}>
      <button
        type="button"
        class="call-bar-show"
        title={t('call.goTo')}
        data-testid={ids.callBarShow}
        onClick={() => app.view.show(props.call.room)}
      >
        <span class="call-bar-name">{where()}</span>
        <span class="call-bar-state">
          <Show
            when={props.call.phase === 'active' && props.call.connected_at !== null}
            fallback={t('call.connecting')}
          >
            <Timer since={props.call.connected_at ?? 0} />
          </Show>
        </span>
      </button>
      <MicrophoneButton
        on={props.call.own.microphone}
        shortcut
        onSwitch={(on) => app.attempt(() => app.backend.setMicrophone(on))}
        testid={ids.callBarMicrophone}
      />
      <IconButton
        icon={PhoneOff}
        label={t('call.hangUp')}
        shortcut="Control+Shift+h"
        look="danger"
        onClick={() => app.attempt(() => app.backend.hangUp())}
        testid={ids.callBarHangUp}
      />
    </div>
  )
}
