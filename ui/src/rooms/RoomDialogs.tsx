// Making a room, renaming one, and asking people in: by a link into the space, or those who are in it already.

import { Check, Link, UserPlus } from 'lucide-solid'
import { createEffect, createMemo, createSignal, For, on, Show } from 'solid-js'
import type { Problem } from '../backend/bindings/Problem'
import type { RoomSummary } from '../backend/bindings/RoomSummary'
import { toProblem } from '../backend/problem'
import { useI18n } from '../i18n'
import { createSubmission } from '../start/form'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { Button } from '../ui/button'
import { Pick } from '../ui/choice'
import { CopyLine } from '../ui/copy-line'
import { Sheet } from '../ui/dialog'
import { Face } from '../ui/face'
import { Field } from '../ui/field'
import { FormProblem } from '../ui/form-problem'

const MAX_ROOM_NAME = 80
const MAX_TOPIC = 500

export function RoomForm(props: { room?: RoomSummary }) {
  const { t } = useI18n()
  const app = useApp()
  const [name, setName] = createSignal(props.room?.name ?? '')
  const [topic, setTopic] = createSignal(props.room?.topic ?? '')
  const [tried, setTried] = createSignal(false)
  const submission = createSubmission()

  function submit(event: SubmitEvent): void {
    event.preventDefault()
    setTried(true)
    if (name().trim() === '') return
    void submission.run(async () => {
      if (props.room) {
        await app.backend.renameRoom(props.room.id, name().trim(), topic().trim())
        app.view.close()
        return
      }
      const room = await app.backend.createRoom(name().trim(), topic().trim())
      await app.rooms.refresh()
      app.view.show(room)
    })
  }

  return (
    <Sheet open onClose={app.view.close} title={props.room ? t('newRoom.editTitle') : t('newRoom.title')}>
      <form class="form" onSubmit={submit} novalidate>
        <Field
          label={t('newRoom.name')}
          placeholder={t('newRoom.nameExample')}
          value={name()}
          onInput={setName}
          error={tried() && name().trim() === '' ? t('newRoom.nameMissing') : undefined}
          maxLength={MAX_ROOM_NAME}
          autofocus
          testid={ids.newRoomName}
        />
        <Field
          label={t('newRoom.topic')}
          hint={t('newRoom.topicHint')}
          value={topic()}
          onInput={setTopic}
          maxLength={MAX_TOPIC}
          testid={ids.newRoomTopic}
        />
        <FormProblem problem={submission.problem()} />
        <div class="sheet-actions">
          <Button onClick={app.view.close}>{t('common.cancel')}</Button>
          <Button type="submit" look="primary" busy={submission.busy()} testid={ids.submit}>
            {props.room ? t('common.save') : t('newRoom.submit')}
          </Button>
        </div>
      </form>
    </Sheet>
  )
}

const USES = [1, 5, 10, 50]

/** A link that brings somebody new into the space and a room. */
export function InviteByLink() {
  const { t } = useI18n()
  const app = useApp()
  const rooms = createMemo(() =>
    (app.rooms.value ?? []).filter((room) => room.kind === 'room' && room.membership === 'joined'),
  )
  const [room, setRoom] = createSignal(app.room()?.kind === 'room' ? app.room()?.id : rooms()[0]?.id)
  const [uses, setUses] = createSignal(1)
  const [link, setLink] = createSignal<string>()
  const [problem, setProblem] = createSignal<Problem | null>(null)
  let asked = 0

  createEffect(
    on([room, uses], async ([into, count]) => {
      asked += 1
      const mine = asked
      setLink(undefined)
      setProblem(null)
      try {
        const made = await app.backend.invitationLink(into ? [into] : [], count)
        if (mine === asked) setLink(made)
      } catch (thrown) {
        if (mine === asked) setProblem(toProblem(thrown))
      }
    }),
  )

  return (
    <Sheet open onClose={app.view.close} title={t('invite.title')} lead={t('invite.lead')}>
      <div class="form">
        <Show when={rooms().length > 0}>
          <Pick
            label={t('invite.room')}
            options={rooms().map(({ id, name }) => ({ id, name }))}
            value={room() ?? null}
            onPick={setRoom}
          />
        </Show>
        <Pick
          label={t('invite.uses')}
          options={USES.map((count) => ({ id: String(count), name: t('invite.usesCount', count) }))}
          value={String(uses())}
          onPick={(id) => setUses(Number(id))}
        />
        <FormProblem problem={problem()} />
        <Show when={!problem()}>
          <CopyLine text={link() ?? t('invite.making')} label={t('invite.link')} />
        </Show>
      </div>
    </Sheet>
  )
}

/** Asks people of the space into a room. */
export function InviteToRoom(props: { room: RoomSummary }) {
  const { t } = useI18n()
  const app = useApp()
  const asked = (user: string) =>
    props.room.members.some((member) => member.user === user && member.membership === 'invited')
  const candidates = createMemo(() =>
    (app.people.value ?? []).filter(
      ({ id }) => !props.room.members.some((member) => member.user === id && member.membership === 'joined'),
    ),
  )
  return (
    <Sheet open onClose={app.view.close} title={t('invite.toRoomTitle', props.room.name)}>
      <ul class="invite-list">
        <For each={candidates()} fallback={<li class="sheet-lead">{t('invite.everybody')}</li>}>
          {(person) => (
            <li class="invite-row">
              <Face name={person.name} available={person.available} />
              <span class="rail-words">
                <span class="rail-name">{person.name}</span>
                <span class="rail-snippet">@{person.username}</span>
              </span>
              <Button
                icon={asked(person.id) ? Check : UserPlus}
                disabled={asked(person.id)}
                onClick={() => app.attempt(() => app.backend.inviteToRoom(props.room.id, person.id))}
              >
                {asked(person.id) ? t('invite.invited') : t('invite.invite')}
              </Button>
            </li>
          )}
        </For>
      </ul>
      <div class="sheet-actions">
        <Button icon={Link} onClick={() => app.view.open('invite')}>
          {t('invite.byLink')}
        </Button>
      </div>
    </Sheet>
  )
}
