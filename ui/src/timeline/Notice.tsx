import { Phone, PhoneMissed, Video } from 'lucide-solid'
import { Match, Show, Switch } from 'solid-js'
import type { ItemBody } from '../backend/bindings/ItemBody'
import type { TimelineItem } from '../backend/bindings/TimelineItem'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'

type Body<K extends ItemBody['kind']> = Extract<ItemBody, { kind: K }>

/** What happened in a room beside talk: people come and go, the room is named, a call rang. */
export function Notice(props: { item: TimelineItem }) {
  const { format } = useI18n()
  const body = <K extends ItemBody['kind']>(kind: K) =>
    props.item.body.kind === kind ? (props.item.body as Body<K>) : undefined
  return (
    <div class="notice">
      <Switch>
        <Match when={body('call')}>{(call) => <CallNotice item={props.item} body={call()} />}</Match>
        <Match when={body('member')}>{(change) => <MemberNotice body={change()} />}</Match>
        <Match when={body('room_changed')}>{(change) => <RoomNotice body={change()} />}</Match>
      </Switch>
      <time class="notice-time" title={format.exact(props.item.at)}>
        {format.time(props.item.at)}
      </time>
    </div>
  )
}

function MemberNotice(props: { body: Body<'member'> }) {
  const { t } = useI18n()
  const words = () => {
    const { name, by, membership } = props.body
    switch (membership) {
      case 'invited':
        return t('timeline.invited', name, by)
      case 'joined':
        return t('timeline.joined', name)
      case 'left':
        return t('timeline.left', name)
      case 'kicked':
        return t('timeline.kicked', name, by)
    }
  }
  return <span>{words()}</span>
}

function RoomNotice(props: { body: Body<'room_changed'> }) {
  const { t } = useI18n()
  return (
    <span>
      {props.body.topic
        ? t('timeline.roomNamedTopic', props.body.name, props.body.topic)
        : t('timeline.roomNamed', props.body.name)}
    </span>
  )
}

function CallNotice(props: { item: TimelineItem; body: Body<'call'> }) {
  const { t, format } = useI18n()
  const app = useApp()
  const what = () => {
    const kind = props.body.video ? t('timeline.videoCall') : t('timeline.call')
    return props.item.own ? kind : `${kind} · ${props.item.sender_name}`
  }
  const how = () => {
    if (props.body.missed) return t('timeline.callMissed')
    switch (props.body.ended) {
      case 'hung_up':
        return format.duration(props.body.duration_ms ?? 0)
      case 'declined':
        return t('timeline.callDeclined')
      case 'busy':
        return t('timeline.callBusy')
      case 'cancelled':
        return t('timeline.callCancelled')
      case 'timed_out':
        return t('timeline.callTimedOut')
      case null:
        return t('timeline.callRinging')
    }
  }
  return (
    <span class="notice-call" classList={{ 'notice-missed': props.body.missed }}>
      {props.body.missed ? (
        <PhoneMissed size={16} aria-hidden="true" />
      ) : props.body.video ? (
        <Video size={16} aria-hidden="true" />
      ) : (
        <Phone size={16} aria-hidden="true" />
      )}
      <span>
        {what()} · {how()}
      </span>
      <Show when={props.body.missed && app.room() && !app.call()}>
        <button
          type="button"
          class="text-button"
          onClick={() => {
            const room = app.room()
            if (room) app.attempt(() => app.backend.ring(room.id, props.body.video))
          }}
        >
          {t('timeline.callBack')}
        </button>
      </Show>
    </span>
  )
}
