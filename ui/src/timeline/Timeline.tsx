// A room's messages: a virtual list that stays at its newest row while one is there, and stays put while one reads further up.

import { ArrowDown, CircleAlert, MessagesSquare } from 'lucide-solid'
import { createEffect, createMemo, createSignal, For, on, onCleanup, onMount, Show } from 'solid-js'
import { Virtualizer, type VirtualizerHandle } from 'virtua/solid'
import type { RoomSummary } from '../backend/bindings/RoomSummary'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { createNow } from '../state/now'
import { ids } from '../testids'
import { Button } from '../ui/button'
import { Empty } from '../ui/empty'
import { Waiting } from '../ui/waiting'
import { Message } from './Message'
import { Notice } from './Notice'
import { buildRows, type Row } from './rows'
import './timeline.css'

/** This near to its end the list counts as being there. */
const BOTTOM_SLACK_PX = 40
/** Height of what stands above the first row; the list must know it. The same as in timeline.css. */
const HEAD_PX = 68
/** This near to its start earlier messages are fetched. */
const TOP_SLACK_PX = 400

const dayOf = (at: number) => new Date(at).setHours(0, 0, 0, 0)

export function Timeline(props: { room: RoomSummary; compact: boolean }) {
  const { t, ...i18n } = useI18n()
  const app = useApp()
  const shown = () => app.timelines.of(props.room.id)
  const rows = createMemo<Row[]>(
    (before) => buildRows(shown()?.items ?? [], shown()?.readUpTo ?? 0, dayOf, before),
    [],
  )
  const [list, setList] = createSignal<VirtualizerHandle>()
  const [atBottom, setAtBottom] = createSignal(true)
  const [focusedRow, setFocusedRow] = createSignal<number | null>(null)
  const [below, setBelow] = createSignal(0)
  // Rows that were put before the first one must not move what is read: the list is told while they come in.
  const shift = createMemo<{ first?: string; prepended: boolean }>(
    (before) => {
      const all = rows()
      const first = all.find((row) => row.type !== 'day' && row.type !== 'new')?.key
      const prepended =
        before.first !== undefined && first !== before.first && all.some((row) => row.key === before.first)
      return { first, prepended }
    },
    { prepended: false },
  )
  let scroller!: HTMLDivElement

  const lastSeq = createMemo(() => shown()?.items.findLast((item) => item.seq !== null)?.seq ?? null)

  function toBottom(): void {
    const last = rows().length - 1
    if (last >= 0) list()?.scrollToIndex(last, { align: 'end' })
    setBelow(0)
  }

  function scrolled(): void {
    const left = scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop
    setAtBottom(left < BOTTOM_SLACK_PX)
    if (atBottom()) setBelow(0)
    const scrollable = scroller.scrollHeight > scroller.clientHeight
    if (scroller.scrollTop < TOP_SLACK_PX && shown()?.loaded && scrollable) {
      void app.timelines.loadEarlier(props.room.id)
    }
  }

  // New rows at the end: follow them when we are there or when the newest is our own, else count them.
  createEffect(
    on([rows, list], ([now], before) => {
      const previous = before?.[0] ?? []
      const grown = now.at(-1)?.key !== previous.at(-1)?.key
      if (!grown) return
      const newest = now.at(-1)
      const own = newest?.type === 'message' && newest.item.own && newest.item.delivery.state === 'sending'
      if (previous.length === 0 || atBottom() || own) queueMicrotask(toBottom)
      else {
        const known = new Set(previous.map(({ key }) => key))
        setBelow((count) => count + now.filter((row) => row.type === 'message' && !known.has(row.key)).length)
      }
    }),
  )

  // The window, the composer or a picture above changed the room that is left: stay at the end.
  onMount(() => {
    const observer = new ResizeObserver(() => {
      if (atBottom()) toBottom()
    })
    observer.observe(scroller)
    onCleanup(() => observer.disconnect())
  })

  // What is seen is read: the window is in front and the newest row is there.
  createEffect(() => {
    const seq = lastSeq()
    if (seq === null || !atBottom() || !app.view.focused() || props.room.membership !== 'joined') return
    if (props.room.unread === 0) return
    app.backend.markRead(props.room.id, seq).catch((thrown) => console.warn('cannot mark as read', thrown))
  })

  /** Arrows move between rows; the list is one stop of the tab key. */
  function key(event: KeyboardEvent): void {
    const all = rows()
    const stops = (index: number) => all[index]?.type === 'message' || all[index]?.type === 'notice'
    const from = focusedRow() ?? all.length
    const search = (start: number, step: number) => {
      for (let index = start; index >= 0 && index < all.length; index += step) if (stops(index)) return index
      return undefined
    }
    const target =
      event.key === 'ArrowUp'
        ? search(from - 1, -1)
        : event.key === 'ArrowDown'
          ? search(from + 1, 1)
          : event.key === 'Home'
            ? search(0, 1)
            : event.key === 'End'
              ? search(all.length - 1, -1)
              : undefined
    if (target !== undefined) {
      event.preventDefault()
      focusRow(target)
    } else if (event.key === 'c' && (event.ctrlKey || event.metaKey) && !window.getSelection()?.toString()) {
      const row = focusedRow() === null ? undefined : all[focusedRow() ?? 0]
      if (row?.type === 'message' && row.item.body.kind === 'text') {
        const { text } = row.item.body
        app.attempt(() => app.backend.copyText(text))
      }
    }
  }

  function focusRow(index: number): void {
    setFocusedRow(index)
    list()?.scrollToIndex(index, { align: 'nearest' })
    const wanted = rows()[index]?.key
    // The row may have to be drawn first.
    requestAnimationFrame(() => {
      const stops = scroller.querySelectorAll<HTMLElement>('.row')
      for (const row of stops) if (row.dataset.key === wanted) row.focus({ preventScroll: true })
    })
  }

  const lastStop = createMemo(() =>
    rows().findLastIndex((row) => row.type === 'message' || row.type === 'notice'),
  )

  return (
    <section class="timeline" classList={{ 'timeline-compact': props.compact }} data-testid={ids.timeline}>
      <Show
        when={shown()?.loaded}
        fallback={
          <Show when={shown()?.problem} fallback={<Waiting rows={7} label={t('app.loading')} />}>
            {(problem) => (
              <Empty
                icon={CircleAlert}
                action={
                  <Button onClick={() => void app.timelines.refresh(props.room.id)}>
                    {t('common.retry')}
                  </Button>
                }
              >
                {t('timeline.failedToLoad')} {i18n.problem(problem())}
              </Empty>
            )}
          </Show>
        }
      >
        <Show when={rows().length === 0}>
          <Empty icon={MessagesSquare}>{t('timeline.empty')}</Empty>
        </Show>
      </Show>
      <div
        ref={scroller}
        class="timeline-scroller"
        classList={{ 'timeline-hidden': rows().length === 0 }}
        role="log"
        aria-label={t('timeline.label')}
        onKeyDown={key}
      >
        <div class="timeline-spring" />
        <Head room={props.room} />
        <Virtualizer
          ref={setList}
          scrollRef={scroller}
          data={rows()}
          startMargin={HEAD_PX}
          shift={shift().prepended}
          bufferSize={600}
          keepMounted={focusedRow() === null ? [] : [focusedRow() ?? 0]}
          onScroll={scrolled}
        >
          {(row, index) => (
            <RowView
              row={row}
              reachable={index() === (focusedRow() ?? lastStop())}
              onFocus={() => setFocusedRow(index())}
            />
          )}
        </Virtualizer>
      </div>
      <Show when={!atBottom() && rows().length > 0}>
        <button
          type="button"
          class="timeline-newest"
          data-testid={ids.jumpNewest}
          onClick={toBottom}
          onWheel={(event) => {
            // The button floats beside the list and not in it, and must not stop the wheel.
            scroller.scrollTop += event.deltaY
          }}
        >
          <ArrowDown size={16} aria-hidden="true" />
          {below() > 0 ? t('timeline.newBelow', below()) : t('timeline.newest')}
        </button>
      </Show>
    </section>
  )
}

/** What stands above the first message. */
function Head(props: { room: RoomSummary }) {
  const { t } = useI18n()
  const app = useApp()
  const shown = () => app.timelines.of(props.room.id)
  return (
    <div class="timeline-head">
      <Show
        when={shown()?.atStart}
        fallback={
          <Show when={shown()?.loaded}>
            <Button
              busy={shown()?.loadingEarlier}
              onClick={() => void app.timelines.loadEarlier(props.room.id)}
              testid={ids.loadEarlier}
            >
              {shown()?.loadingEarlier ? t('timeline.loadingEarlier') : t('timeline.loadEarlier')}
            </Button>
          </Show>
        }
      >
        <p class="timeline-beginning">
          {props.room.kind === 'direct'
            ? t('timeline.beginningDirect', props.room.name)
            : t('timeline.beginning', props.room.name)}
        </p>
      </Show>
    </div>
  )
}

function RowView(props: { row: Row; reachable: boolean; onFocus: () => void }) {
  const { t } = useI18n()
  const row = props.row
  switch (row.type) {
    case 'day':
      return <Day at={row.at} />
    case 'new':
      return (
        <div class="day day-new" data-testid={ids.newLine}>
          <span>{t('timeline.new')}</span>
        </div>
      )
    default:
      return (
        <article
          class="row"
          tabIndex={props.reachable ? 0 : -1}
          data-testid={row.type === 'message' ? ids.message : ids.notice}
          data-key={row.key}
          data-seq={row.item.seq ?? ''}
          data-delivery={row.item.delivery.state}
          data-own={String(row.item.own)}
          onFocus={() => props.onFocus()}
        >
          {row.type === 'message' ? (
            <Message item={row.item} first={row.first} />
          ) : (
            <Notice item={row.item} />
          )}
        </article>
      )
  }
}

function Day(props: { at: number }) {
  const { t, format } = useI18n()
  // "Today" becomes "Yesterday" while one looks.
  const now = createNow(60_000)
  return (
    <div class="day" data-testid={ids.daySeparator}>
      <span>
        {format.day(props.at, now(), { today: t('timeline.today'), yesterday: t('timeline.yesterday') })}
      </span>
    </div>
  )
}

/** Who types, under the messages. */
export function Typing(props: { names: string[] }) {
  const { t } = useI18n()
  const words = () => {
    const [a, b] = props.names
    if (a === undefined) return ''
    if (b === undefined) return t('timeline.typingOne', a)
    return props.names.length === 2 ? t('timeline.typingTwo', a, b) : t('timeline.typingMany')
  }
  return (
    <div class="typing" role="status" data-testid={ids.typing}>
      <Show when={props.names.length > 0}>
        <span class="typing-dots" aria-hidden="true">
          <For each={[0, 1, 2]}>{(index) => <span class={`typing-dot typing-dot-${index}`} />}</For>
        </span>
        <span class="typing-words">{words()}</span>
      </Show>
    </div>
  )
}
