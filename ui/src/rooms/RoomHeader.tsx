import { ArrowLeft, EllipsisVertical, LogOut, PencilLine, Phone, UserPlus, Users, Video } from 'lucide-solid'
import { createSignal, Show } from 'solid-js'
import type { RoomSummary } from '../backend/bindings/RoomSummary'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { IconButton } from '../ui/button'
import { Question } from '../ui/dialog'
import { Face } from '../ui/face'
import { Menu, type MenuEntry } from '../ui/menu'

/** A room's name, and what one can do with it. */
export function RoomHeader(props: { room: RoomSummary }) {
  const { t } = useI18n()
  const app = useApp()
  const [leaving, setLeaving] = createSignal(false)
  const joined = () => props.room.members.filter(({ membership }) => membership === 'joined').length
  const cannotCall = () => {
    if (app.call()) return t('room.busyElsewhere')
    return props.room.kind === 'room' && joined() < 2 ? t('room.nobodyToCall') : undefined
  }
  const ring = (video: boolean) => app.attempt(() => app.backend.ring(props.room.id, video))
  const under = () =>
    props.room.topic || (props.room.kind === 'direct' ? t('room.directTopic') : t('room.members', joined()))

  const entries = (): MenuEntry[][] => [
    [
      ...(props.room.role === 'member'
        ? []
        : [{ label: t('room.edit'), icon: PencilLine, onPick: () => app.view.open('edit-room') }]),
      { label: t('room.invite'), icon: UserPlus, onPick: () => app.view.open('invite-to-room') },
    ],
    [{ label: t('room.leave'), icon: LogOut, onPick: () => setLeaving(true), danger: true }],
  ]

  return (
    <header class="room-header">
      <div class="room-back">
        <IconButton
          icon={ArrowLeft}
          label={t('common.back')}
          placement="bottom"
          onClick={() => app.view.setPane('rail')}
          testid={ids.roomBack}
        />
      </div>
      <Face
        name={props.room.name}
        room={props.room.kind === 'room'}
        available={props.room.kind === 'direct' ? props.room.peer_available : undefined}
      />
      <div class="room-words">
        <h1 class="room-name" data-testid={ids.roomTitle}>
          {props.room.name}
        </h1>
        <p class="room-topic" title={props.room.topic || undefined}>
          {under()}
        </p>
      </div>
      <IconButton
        icon={Phone}
        label={cannotCall() ?? t('room.audioCall')}
        disabled={cannotCall() !== undefined}
        placement="bottom"
        onClick={() => ring(false)}
        testid={ids.callAudio}
      />
      <IconButton
        icon={Video}
        label={cannotCall() ?? t('room.videoCall')}
        shortcut={cannotCall() ? undefined : 'Control+Enter'}
        disabled={cannotCall() !== undefined}
        placement="bottom"
        onClick={() => ring(true)}
        testid={ids.callVideo}
      />
      <Show when={props.room.kind === 'room'}>
        <IconButton
          icon={Users}
          label={t('room.people')}
          shortcut="Control+p"
          pressed={app.view.panel()}
          placement="bottom"
          onClick={() => app.view.setPanel(!app.view.panel())}
          testid={ids.roomPeople}
        />
        <Menu
          label={t('room.menu')}
          class="icon-button icon-button-normal"
          groups={entries()}
          testid={ids.roomMenu}
        >
          <EllipsisVertical size={18} aria-hidden="true" />
        </Menu>
      </Show>
      <Question
        open={leaving()}
        onClose={() => setLeaving(false)}
        title={t('room.leaveTitle', props.room.name)}
        lead={t('room.leaveLead')}
        confirm={t('room.leaveConfirm')}
        onConfirm={() => app.attempt(() => app.backend.leaveRoom(props.room.id))}
      />
    </header>
  )
}
