// Who is in the room, beside its conversation.

import { MessageSquare, UserMinus, UserPlus, X } from 'lucide-solid'
import { createMemo, createSignal, For, Show } from 'solid-js'
import type { RoomMember } from '../backend/bindings/RoomMember'
import type { RoomSummary } from '../backend/bindings/RoomSummary'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { Button, IconButton } from '../ui/button'
import { Question } from '../ui/dialog'
import { Face } from '../ui/face'
import './people.css'

const RANK = { member: 0, moderator: 1, owner: 2 } as const

export function PeoplePanel(props: { room: RoomSummary }) {
  const { t } = useI18n()
  const app = useApp()
  const [removing, setRemoving] = createSignal<RoomMember>()
  const sorted = (membership: 'joined' | 'invited') =>
    props.room.members
      .filter((member) => member.membership === membership)
      .sort((a, b) => Number(b.available) - Number(a.available) || a.name.localeCompare(b.name))
  const here = createMemo(() => sorted('joined'))
  const invited = createMemo(() => sorted('invited'))
  const mayRemove = (member: RoomMember) =>
    props.room.kind === 'room' &&
    member.user !== app.account.value?.user &&
    RANK[props.room.role] > RANK.member &&
    RANK[props.room.role] > RANK[member.role]

  const Members = (lists: { of: RoomMember[] }) => (
    <ul>
      <For each={lists.of}>
        {(member) => (
          <MemberRow member={member} onRemove={mayRemove(member) ? () => setRemoving(member) : undefined} />
        )}
      </For>
    </ul>
  )

  return (
    <aside class="people" aria-label={t('people.title')} data-testid={ids.peoplePanel}>
      <header class="people-header">
        <h2>{t('people.title')}</h2>
        <IconButton
          icon={X}
          label={t('common.close')}
          shortcut="Escape"
          placement="left"
          onClick={() => app.view.setPanel(false)}
        />
      </header>
      <div class="people-lists">
        <Show when={props.room.kind === 'room'}>
          <Button
            class="people-invite"
            icon={UserPlus}
            onClick={() => app.view.open('invite-to-room')}
            testid={ids.roomInviteRow}
          >
            {t('room.invite')}
          </Button>
        </Show>
        <h3 class="people-heading">{t('people.here', here().length)}</h3>
        <Members of={here()} />
        <Show when={invited().length > 0}>
          <h3 class="people-heading">{t('people.invited')}</h3>
          <Members of={invited()} />
        </Show>
      </div>
      <Question
        open={removing() !== undefined}
        onClose={() => setRemoving(undefined)}
        title={t('people.removeTitle', removing()?.name ?? '')}
        lead={t('people.removeLead')}
        confirm={t('people.removeConfirm')}
        onConfirm={() => {
          const member = removing()
          if (member) app.attempt(() => app.backend.kick(props.room.id, member.user))
        }}
      />
    </aside>
  )
}

function MemberRow(props: { member: RoomMember; onRemove?: () => void }) {
  const { t } = useI18n()
  const app = useApp()
  const self = () => props.member.user === app.account.value?.user
  const role = () =>
    props.member.role === 'owner'
      ? t('people.owner')
      : props.member.role === 'moderator'
        ? t('people.moderator')
        : ''
  return (
    <li class="people-row">
      <Face name={props.member.name} available={props.member.available} />
      <span class="rail-words">
        <span class="rail-name">
          {props.member.name}
          <Show when={self()}>
            <span class="people-self"> · {t('common.you')}</span>
          </Show>
        </span>
        <Show when={role()}>
          <span class="rail-snippet">{role()}</span>
        </Show>
      </span>
      <span class="visually-hidden">{props.member.available ? t('rail.available') : t('rail.away')}</span>
      <span class="people-acts">
        <Show when={!self()}>
          <IconButton
            icon={MessageSquare}
            size="small"
            label={t('people.message', props.member.name)}
            onClick={() =>
              app.attempt(async () => {
                const room = await app.backend.openDirect(props.member.user)
                await app.rooms.refresh()
                app.view.show(room)
              })
            }
          />
        </Show>
        <Show when={props.onRemove}>
          {(remove) => (
            <IconButton
              icon={UserMinus}
              size="small"
              label={t('people.remove', props.member.name)}
              onClick={() => remove()()}
            />
          )}
        </Show>
      </span>
    </li>
  )
}
