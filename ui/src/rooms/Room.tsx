// The conversation: a room's header, its call if it has one, its messages, and where one writes.

import { DoorOpen } from 'lucide-solid'
import { Show } from 'solid-js'
import type { RoomSummary } from '../backend/bindings/RoomSummary'
import { Stage } from '../call/Stage'
import { Composer } from '../composer/Composer'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { createSize } from '../state/sizes'
import { Timeline, Typing } from '../timeline/Timeline'
import { Button } from '../ui/button'
import { Empty } from '../ui/empty'
import { Splitter } from '../ui/splitter'
import { PeoplePanel } from './PeoplePanel'
import { RoomHeader } from './RoomHeader'
import './room.css'

const STAGE_MIN = 200

export function Room(props: { room: RoomSummary }) {
  const { t } = useI18n()
  const app = useApp()
  const [stageHeight, setStageHeight] = createSize('stage', Math.round(window.innerHeight * 0.55))
  // A call that still rings in is a sheet, not a stage.
  const staged = () => {
    const call = app.call()
    return call && call.room === props.room.id && call.phase !== 'incoming' ? call : undefined
  }
  const full = () => staged() !== undefined && app.view.fullStage()
  const stageMax = () => Math.max(STAGE_MIN, window.innerHeight - 260)

  return (
    <div class="room" classList={{ 'room-full': full() }}>
      <main class="room-main">
        <RoomHeader room={props.room} />
        <Show when={staged()}>
          {(call) => (
            <>
              <div
                class="room-stage"
                style={{ height: full() ? undefined : `${Math.min(stageHeight(), stageMax())}px` }}
              >
                <Stage call={call()} room={props.room} />
              </div>
              <Show when={!full()}>
                <Splitter
                  label={t('call.split')}
                  direction="vertical"
                  value={Math.min(stageHeight(), stageMax())}
                  min={STAGE_MIN}
                  max={stageMax()}
                  onMove={setStageHeight}
                />
              </Show>
            </>
          )}
        </Show>
        <Show when={!full()}>
          <Show when={props.room.membership === 'joined'} fallback={<NotIn room={props.room} />}>
            <Show when={props.room.id} keyed>
              <Timeline room={props.room} compact={staged() !== undefined} />
            </Show>
            <Typing names={app.typing(props.room.id)} />
            <Composer room={props.room} />
          </Show>
        </Show>
      </main>
      <Show when={app.view.panel() && props.room.kind === 'room' && !full()}>
        <PeoplePanel room={props.room} />
      </Show>
    </div>
  )
}

/** A room that one is asked into, or was in. */
function NotIn(props: { room: RoomSummary }) {
  const { t } = useI18n()
  const app = useApp()
  return (
    <Show
      when={props.room.membership === 'invited'}
      fallback={<Empty icon={DoorOpen}>{t('room.gone')}</Empty>}
    >
      <Empty
        icon={DoorOpen}
        action={
          <Button look="primary" onClick={() => app.attempt(() => app.backend.joinRoom(props.room.id))}>
            {t('rail.accept')}
          </Button>
        }
      >
        {t('room.invited', props.room.name)}
        <br />
        {t('room.invitedLead')}
      </Empty>
    </Show>
  )
}
