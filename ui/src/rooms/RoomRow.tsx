import { Video } from 'lucide-solid'
import { Show } from 'solid-js'
import type { Person } from '../backend/bindings/Person'
import type { RoomSummary } from '../backend/bindings/RoomSummary'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { createNow } from '../state/now'
import { ids } from '../testids'
import { Face } from '../ui/face'

/** A line of the rail: a room, or a person one has written with. */
export function RoomRow(props: { room: RoomSummary; reachable: boolean }) {
  const { t, format } = useI18n()
  const app = useApp()
  const now = createNow(60_000)
  const shown = () => app.view.room() === props.room.id
  const snippet = () => {
    const { last_text: text, last_sender: sender, kind } = props.room
    if (text === null) return props.room.topic
    if (sender === null) return t('rail.you', text)
    return kind === 'direct' ? text : `${sender}: ${text}`
  }
  return (
    <li>
      <button
        type="button"
        class="rail-row"
        classList={{ 'rail-row-unread': props.room.unread > 0 }}
        aria-current={shown() ? 'page' : undefined}
        tabIndex={props.reachable ? 0 : -1}
        data-testid={ids.roomRow}
        data-room={props.room.id}
        onClick={() => app.view.show(props.room.id)}
      >
        <Face
          name={props.room.name}
          room={props.room.kind === 'room'}
          available={props.room.kind === 'direct' ? props.room.peer_available : undefined}
        />
        <span class="rail-words">
          <span class="rail-line">
            <span class="rail-name">{props.room.name}</span>
            <Show when={props.room.call}>
              <span class="rail-call" role="img" aria-label={t('rail.inCall')} title={t('rail.inCall')}>
                <Video size={14} aria-hidden="true" />
              </span>
            </Show>
            <Show when={props.room.last_text}>
              <time class="rail-time">{format.brief(props.room.last_at, now())}</time>
            </Show>
          </span>
          <span class="rail-line">
            <span class="rail-snippet">{snippet()}</span>
            <Show when={props.room.unread > 0}>
              <span
                class="rail-unread"
                classList={{ 'rail-mentioned': props.room.mentioned }}
                data-testid={ids.unread}
                role="img"
                aria-label={`${t('rail.unread', props.room.unread)}${props.room.mentioned ? `. ${t('rail.mentioned')}` : ''}`}
              >
                {props.room.mentioned ? '@' : ''}
                {props.room.unread > 99 ? '99+' : props.room.unread}
              </span>
            </Show>
          </span>
        </span>
        <Show when={props.room.kind === 'direct'}>
          <span class="visually-hidden">
            {props.room.peer_available ? t('rail.available') : t('rail.away')}
          </span>
        </Show>
      </button>
    </li>
  )
}

/** Somebody of the space with whom nothing was written yet. */
export function PersonRow(props: { person: Person; reachable: boolean }) {
  const { t } = useI18n()
  const app = useApp()
  return (
    <li>
      <button
        type="button"
        class="rail-row"
        tabIndex={props.reachable ? 0 : -1}
        data-testid={ids.personRow}
        data-user={props.person.id}
        onClick={() =>
          app.attempt(async () => {
            const room = await app.backend.openDirect(props.person.id)
            await app.rooms.refresh()
            app.view.show(room)
          })
        }
      >
        <Face name={props.person.name} available={props.person.available} />
        <span class="rail-words">
          <span class="rail-name">{props.person.name}</span>
          <span class="rail-snippet">@{props.person.username}</span>
        </span>
        <span class="visually-hidden">{props.person.available ? t('rail.available') : t('rail.away')}</span>
      </button>
    </li>
  )
}

/** A room that the reader is asked into. */
export function InvitationRow(props: { room: RoomSummary }) {
  const { t } = useI18n()
  const app = useApp()
  return (
    <li class="rail-invitation">
      <Face name={props.room.name} room={props.room.kind === 'room'} />
      <span class="rail-words">
        <span class="rail-name">{props.room.name}</span>
        <span class="rail-answers">
          <button
            type="button"
            class="text-button"
            data-testid={ids.roomAccept}
            data-room={props.room.id}
            onClick={() =>
              app.attempt(async () => {
                await app.backend.joinRoom(props.room.id)
                await app.rooms.refresh()
                app.view.show(props.room.id)
              })
            }
          >
            {t('rail.accept')}
          </button>
          <button
            type="button"
            class="text-button text-button-quiet"
            data-testid={ids.roomDecline}
            onClick={() => app.attempt(() => app.backend.leaveRoom(props.room.id))}
          >
            {t('rail.decline')}
          </button>
        </span>
      </span>
    </li>
  )
}
