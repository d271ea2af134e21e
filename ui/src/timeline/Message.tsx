import { CircleAlert, Clock, Copy, RotateCcw, Trash2 } from 'lucide-solid'
import { createSignal, For, Match, Show, Switch } from 'solid-js'
import type { TimelineItem } from '../backend/bindings/TimelineItem'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { IconButton } from '../ui/button'
import { Question } from '../ui/dialog'
import { Face } from '../ui/face'

interface MessageProps {
  item: TimelineItem
  /** Begins a group: has the name and the time. */
  first: boolean
}

/** One message. Its actions appear on hover and on focus. */
export function Message(props: MessageProps) {
  const { t, format } = useI18n()
  const app = useApp()
  const [asking, setAsking] = createSignal(false)
  const name = () => (props.item.own ? t('common.you') : props.item.sender_name)
  const text = () => (props.item.body.kind === 'text' ? props.item.body.text : undefined)
  const failed = () => (props.item.delivery.state === 'failed' ? props.item.delivery : undefined)

  return (
    <div
      class="message"
      classList={{
        'message-first': props.first,
        'message-own': props.item.own,
        'message-failed': Boolean(failed()),
      }}
      data-delivery={props.item.delivery.state}
      data-own={String(props.item.own)}
    >
      <div class="message-side">
        <Show
          when={props.first}
          fallback={<time class="message-hover-time">{format.time(props.item.at)}</time>}
        >
          <Face name={props.item.sender_name} />
        </Show>
      </div>
      <div class="message-main">
        <Show when={props.first}>
          <div class="message-head">
            <span class="message-name">{name()}</span>
            <time
              class="message-time"
              dateTime={new Date(props.item.at).toISOString()}
              title={format.exact(props.item.at)}
            >
              {format.time(props.item.at)}
            </time>
          </div>
        </Show>
        <Switch>
          <Match when={text() !== undefined}>
            <p class="message-text" data-testid={ids.messageText} dir="auto">
              {text()}
              <Show when={props.item.delivery.state === 'sending'}>
                <span
                  class="message-clock"
                  role="img"
                  aria-label={
                    app.connection().state === 'online' ? t('timeline.sending') : t('timeline.waiting')
                  }
                  title={app.connection().state === 'online' ? t('timeline.sending') : t('timeline.waiting')}
                >
                  <Clock size={13} aria-hidden="true" />
                </span>
              </Show>
            </p>
          </Match>
          <Match when={props.item.body.kind === 'deleted'}>
            <p class="message-text message-quiet">{t('timeline.deleted')}</p>
          </Match>
          <Match when={props.item.body.kind === 'unsupported'}>
            <p class="message-text message-quiet">{t('timeline.unsupported')}</p>
          </Match>
        </Switch>
        <Show when={failed()}>
          {(delivery) => <Failed delivery={delivery()} onDiscard={() => setAsking(true)} />}
        </Show>
      </div>
      <Show when={text() !== undefined}>
        <div class="message-actions">
          <IconButton
            icon={Copy}
            size="small"
            label={t('timeline.copy')}
            tabIndex={-1}
            onClick={() => app.attempt(() => app.backend.copyText(text() ?? ''))}
            testid={ids.messageCopy}
          />
        </div>
      </Show>
      <Question
        open={asking()}
        onClose={() => setAsking(false)}
        title={t('timeline.discardTitle')}
        lead={t('timeline.discardLead')}
        confirm={t('common.discard')}
        onConfirm={() => {
          const delivery = failed()
          if (delivery) app.attempt(() => app.backend.discard(delivery.txn))
        }}
      />
    </div>
  )
}

function Failed(props: { delivery: { code: string; txn: string }; onDiscard: () => void }) {
  const i18n = useI18n()
  const app = useApp()
  const acts = () => [
    {
      label: i18n.t('common.retry'),
      icon: RotateCcw,
      testid: ids.retry,
      run: () => app.attempt(() => app.backend.retry(props.delivery.txn)),
    },
    { label: i18n.t('common.discard'), icon: Trash2, testid: ids.discard, run: () => props.onDiscard() },
  ]
  return (
    <div class="message-problem">
      <span class="message-reason">
        <CircleAlert size={16} aria-hidden="true" />
        <span>
          {i18n.t('timeline.notSent')} {i18n.problem(props.delivery)}
        </span>
      </span>
      <For each={acts()}>
        {(act) => (
          <button type="button" class="text-button" data-testid={act.testid} onClick={() => act.run()}>
            <act.icon size={14} aria-hidden="true" />
            {act.label}
          </button>
        )}
      </For>
    </div>
  )
}
