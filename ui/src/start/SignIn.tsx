import { createSignal } from 'solid-js'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { FormProblem } from '../ui/form-problem'
import { createSubmission } from './form'

export function SignIn(props: { server?: string; username?: string }) {
  const { t } = useI18n()
  const app = useApp()
  const [server, setServer] = createSignal(props.server ?? '')
  const [username, setUsername] = createSignal(props.username ?? '')
  const [password, setPassword] = createSignal('')
  const [tried, setTried] = createSignal(false)
  const submission = createSubmission()

  function submit(event: SubmitEvent): void {
    event.preventDefault()
    setTried(true)
    if (server().trim() === '' || username().trim() === '' || password() === '') return
    void submission.run(async () => {
      await app.backend.signIn(server().trim(), username().trim(), password())
      await app.account.refresh()
    })
  }

  return (
    <form class="form" onSubmit={submit} novalidate>
      <h1 class="start-heading">{t('signIn.title')}</h1>
      <Field
        label={t('signIn.server')}
        hint={t('signIn.serverHint')}
        value={server()}
        onInput={setServer}
        error={tried() && server().trim() === '' ? t('signIn.serverMissing') : undefined}
        autofocus={!props.server}
        testid={ids.signInServer}
      />
      <Field
        label={t('account.username')}
        value={username()}
        onInput={setUsername}
        error={tried() && username().trim() === '' ? t('account.usernameBad') : undefined}
        autocomplete="username"
        testid={ids.accountUsername}
      />
      <Field
        label={t('account.password')}
        value={password()}
        onInput={setPassword}
        error={tried() && password() === '' ? t('account.passwordMissing') : undefined}
        autocomplete="current-password"
        autofocus={Boolean(props.server)}
        password
        testid={ids.accountPassword}
      />
      <FormProblem problem={submission.problem()} />
      <Button type="submit" look="primary" busy={submission.busy()} testid={ids.submit}>
        {submission.busy() ? t('signIn.working') : t('signIn.submit')}
      </Button>
    </form>
  )
}
