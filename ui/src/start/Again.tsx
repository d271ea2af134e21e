// Two places where a signed-in person cannot go on: the token was refused, and the space's key changed.

import { KeyRound } from 'lucide-solid'
import { createSignal } from 'solid-js'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { Button } from '../ui/button'
import { FormProblem } from '../ui/form-problem'
import { createSubmission } from './form'
import { SignIn } from './SignIn'
import './start.css'

export function SignedOut() {
  const { t } = useI18n()
  const { account } = useApp()
  return (
    <main class="start">
      <div class="start-card">
        <p class="start-info" role="status">
          {t('signIn.signedOut')}
        </p>
        <SignIn server={account.value?.address} username={account.value?.username} />
      </div>
    </main>
  )
}

export function KeyChanged() {
  const { t } = useI18n()
  const app = useApp()
  const submission = createSubmission()
  const [choice, setChoice] = createSignal<'trust' | 'signOut'>()

  function choose(which: 'trust' | 'signOut', act: () => Promise<void>): void {
    setChoice(which)
    void submission.run(act)
  }

  return (
    <main class="start" data-testid={ids.keyChanged}>
      <div class="start-card" role="alert">
        <span class="start-mark start-mark-danger">
          <KeyRound size={28} aria-hidden="true" />
        </span>
        <h1 class="start-heading">{t('connection.keyChanged.title')}</h1>
        <p class="start-lead">{t('connection.keyChanged.lead', app.account.value?.space_name ?? '')}</p>
        <p class="start-lead">
          <strong>{t('connection.keyChanged.advice')}</strong>
        </p>
        <FormProblem problem={submission.problem()} />
        <Button
          look="primary"
          busy={submission.busy() && choice() === 'signOut'}
          onClick={() =>
            choose('signOut', async () => {
              await app.backend.signOut()
              await app.account.refresh()
            })
          }
        >
          {t('connection.keyChanged.signOut')}
        </Button>
        <Button
          busy={submission.busy() && choice() === 'trust'}
          onClick={() => choose('trust', () => app.backend.trustNewKey())}
          testid={ids.keyTrust}
        >
          {t('connection.keyChanged.trust')}
        </Button>
      </div>
    </main>
  )
}
