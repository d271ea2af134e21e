// The notes in the corner: state/problems.ts made visible.

import { CircleAlert, Megaphone, X } from 'lucide-solid'
import { For, onCleanup, Show } from 'solid-js'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import type { Note } from '../state/problems'
import { ids } from '../testids'
import { IconButton } from './button'
import './notes.css'

/** Long enough to read two lines twice. */
const SHOWN_MS = 8_000

export function NoteStack() {
  const { notes } = useApp()
  return (
    <div class="notes" aria-live="polite">
      <For each={notes.notes}>
        {(note) => <NoteCard note={note} onClose={() => notes.dismiss(note.id)} />}
      </For>
    </div>
  )
}

function NoteCard(props: { note: Note; onClose: () => void }) {
  const i18n = useI18n()
  let timer: ReturnType<typeof setTimeout> | undefined
  const stop = () => clearTimeout(timer)
  const start = () => {
    stop()
    if (props.note.kind === 'problem') timer = setTimeout(() => props.onClose(), SHOWN_MS)
  }
  start()
  onCleanup(stop)

  return (
    <div
      class={`note note-${props.note.kind}`}
      role={props.note.kind === 'problem' ? 'alert' : 'status'}
      data-testid={ids.toast}
      data-code={props.note.kind === 'problem' ? props.note.problem.code : undefined}
      onPointerEnter={stop}
      onPointerLeave={start}
      onFocusIn={stop}
      onFocusOut={start}
    >
      {props.note.kind === 'problem' ? (
        <CircleAlert size={18} aria-hidden="true" />
      ) : (
        <Megaphone size={18} aria-hidden="true" />
      )}
      <div class="note-words">
        <Show when={props.note.kind === 'announcement' && props.note}>
          {(note) => (
            <>
              <strong>{i18n.t('announcement.title')}</strong>
              <p class="note-announcement">{note().text}</p>
            </>
          )}
        </Show>
        <Show when={props.note.kind === 'problem' && props.note}>
          {(note) => <p title={note().problem.detail}>{i18n.problem(note().problem)}</p>}
        </Show>
      </div>
      <IconButton
        icon={X}
        size="small"
        label={i18n.t('common.dismiss')}
        onClick={() => props.onClose()}
        testid={ids.toastAction}
      />
    </div>
  )
}
