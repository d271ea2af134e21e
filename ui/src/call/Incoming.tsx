// Somebody calls: a sheet at the top that takes neither the focus nor the screen, because whoever types would answer by accident.

import { Phone, PhoneOff, Video } from 'lucide-solid'
import { createEffect, onCleanup, Show } from 'solid-js'
import type { CallView } from '../backend/bindings/CallView'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { IconButton } from '../ui/button'
import { Face } from '../ui/face'
import { playLoop } from './sounds'
import './incoming.css'

export function Incoming() {
  const app = useApp()
  const ringing = () => {
    const call = app.call()
    return call?.phase === 'incoming' ? call : undefined
  }
  return <Show when={ringing()}>{(call) => <Sheet call={call()} />}</Show>
}

function Sheet(props: { call: CallView }) {
  const { t } = useI18n()
  const app = useApp()
  const room = () => app.rooms.value?.find(({ id }) => id === props.call.room)
  const accept = (video: boolean) =>
    app.attempt(async () => {
      const where = props.call.room
      await app.backend.accept(video)
      app.view.show(where)
    })
  return (
    <section
      class="incoming"
      role="alertdialog"
      aria-label={t('call.incoming', props.call.peer_name)}
      data-testid={ids.incoming}
    >
      <Face name={props.call.peer_name} />
      <div class="incoming-words">
        <p class="incoming-name">{t('call.incoming', props.call.peer_name)}</p>
        <p class="incoming-room">
          {props.call.video ? t('call.incomingVideo') : t('call.incomingAudio')}
          <Show when={room()?.kind === 'room' && room()}>
            {(in_) => <> {t('call.incomingIn', in_().name)}</>}
          </Show>
        </p>
      </div>
      <IconButton
        icon={PhoneOff}
        label={t('call.decline')}
        shortcut="Control+Shift+h"
        size="large"
        look="danger"
        placement="bottom"
        onClick={() => app.attempt(() => app.backend.decline())}
        testid={ids.incomingDecline}
      />
      <IconButton
        icon={Phone}
        label={t('call.accept')}
        shortcut={props.call.video ? undefined : 'Control+Enter'}
        size="large"
        look={props.call.video ? 'stage' : 'good'}
        placement="bottom"
        onClick={() => accept(false)}
        testid={ids.incomingAccept}
      />
      <Show when={props.call.video}>
        <IconButton
          icon={Video}
          label={t('call.acceptVideo')}
          shortcut="Control+Enter"
          size="large"
          look="good"
          placement="bottom"
          onClick={() => accept(true)}
          testid={ids.incomingAcceptVideo}
        />
      </Show>
    </section>
  )
}

/** Rings for the one who is called, unless notifications are off, and plays the tone of waiting for the one who calls. */
export function CallSounds() {
  const app = useApp()
  createEffect(() => {
    const call = app.call()
    const sound =
      call?.phase === 'incoming' && !app.preferences.value.quiet
        ? 'ring'
        : call?.phase === 'outgoing'
          ? 'ringback'
          : undefined
    if (sound) onCleanup(playLoop(sound))
  })
  return null
}
