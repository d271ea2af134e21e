import { createSignal, Show } from 'solid-js'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { FormProblem } from '../ui/form-problem'
import { AccountFields } from './AccountFields'
import { createAccountForm, createSubmission, MAX_NAME } from './form'

/** Begins a space on this computer. What comes after, the invitation link, is Welcome.tsx: by then somebody is signed in. */
export function Host() {
  const { t } = useI18n()
  const app = useApp()
  const [space, setSpace] = createSignal('')
  const [room, setRoom] = createSignal(t('host.roomNameDefault'))
  const form = createAccountForm()
  const submission = createSubmission()

  function submit(event: SubmitEvent): void {
    event.preventDefault()
    const complete = form.check() && space().trim() !== '' && room().trim() !== ''
    if (!complete) return
    void submission.run(async () => {
      app.setWelcoming(true)
      try {
        await app.backend.host(space().trim(), room().trim(), form.value)
        await app.account.refresh()
      } catch (thrown) {
        app.setWelcoming(false)
        throw thrown
      }
    })
  }

  return (
    <form class="form" onSubmit={submit} novalidate>
      <h1 class="start-heading">{t('host.title')}</h1>
      <p class="start-lead">{t('host.lead')}</p>
      <Field
        label={t('host.spaceName')}
        placeholder={t('host.spaceNameExample')}
        value={space()}
        onInput={setSpace}
        error={form.tried() && space().trim() === '' ? t('host.spaceMissing') : undefined}
        maxLength={MAX_NAME}
        autofocus
        testid={ids.hostSpace}
      />
      <Field
        label={t('host.roomName')}
        value={room()}
        onInput={setRoom}
        error={form.tried() && room().trim() === '' ? t('host.roomMissing') : undefined}
        maxLength={80}
        testid={ids.hostRoom}
      />
      <AccountFields form={form} />
      <FormProblem problem={submission.problem()} />
      <Button type="submit" look="primary" busy={submission.busy()} testid={ids.submit}>
        <Show when={submission.busy()} fallback={t('host.submit')}>
          {t('host.working')}
        </Show>
      </Button>
    </form>
  )
}
