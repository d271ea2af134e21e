import { createEffect, createSignal, on, Show } from 'solid-js'
import type { Problem } from '../backend/bindings/Problem'
import { toProblem } from '../backend/problem'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { Button } from '../ui/button'
import { CopyLine } from '../ui/copy-line'
import { FormProblem } from '../ui/form-problem'
import { Mark } from '../ui/mark'
import './start.css'

/** How many people the first link is for: a family or a small team. */
export const FIRST_LINK_USES = 10

/** A fresh host's first page: the link that brings the others. */
export function Welcome() {
  const { t } = useI18n()
  const app = useApp()
  const [link, setLink] = createSignal<string>()
  const [problem, setProblem] = createSignal<Problem | null>(null)

  async function make(rooms: string[]): Promise<void> {
    setProblem(null)
    try {
      setLink(await app.backend.invitationLink(rooms, FIRST_LINK_USES))
    } catch (thrown) {
      setProblem(toProblem(thrown))
    }
  }
  // The link brings people into the first room, so it waits until that is there.
  createEffect(
    on(
      () => app.rooms.value?.map(({ id }) => id).join(),
      (rooms) => {
        if (rooms && !link()) void make(rooms.split(','))
      },
    ),
  )

  return (
    <main class="start">
      <div class="start-card" data-testid={ids.hostReady}>
        <Mark />
        <h1 class="start-heading">{t('host.ready')}</h1>
        <p class="start-lead">{t('host.readyLead')}</p>
        <Show when={link()} fallback={<p class="start-lead">{problem() ? '' : t('invite.making')}</p>}>
          {(text) => <CopyLine text={text()} label={t('invite.link')} />}
        </Show>
        <FormProblem problem={problem()} />
        <Button
          look={link() ? 'plain' : 'primary'}
          onClick={() => app.setWelcoming(false)}
          testid={ids.enter}
        >
          {t('host.enter')}
        </Button>
      </div>
    </main>
  )
}
