import { Check } from 'lucide-solid'
import { createSignal, Show } from 'solid-js'
import { useI18n } from '../i18n'
import { createSubmission, MAX_NAME } from '../start/form'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { Button } from '../ui/button'
import { Question } from '../ui/dialog'
import { Face } from '../ui/face'
import { Field } from '../ui/field'
import { FormProblem } from '../ui/form-problem'

/** Who one is here, and the way out. */
export function Profile() {
  const { t } = useI18n()
  const app = useApp()
  const account = () => app.account.value
  const [name, setName] = createSignal(account()?.display_name ?? '')
  const [saved, setSaved] = createSignal(false)
  const [asking, setAsking] = createSignal(false)
  const submission = createSubmission()
  const changed = () => name().trim() !== account()?.display_name

  function submit(event: SubmitEvent): void {
    event.preventDefault()
    if (name().trim() === '' || !changed()) return
    void submission.run(async () => {
      await app.backend.setDisplayName(name().trim())
      await app.account.refresh()
      setSaved(true)
    })
  }

  return (
    <>
      <form class="form" onSubmit={submit} novalidate>
        <div class="profile-head">
          <Face name={name() || '?'} size="large" />
          <dl class="facts">
            <dt>{t('settings.username')}</dt>
            <dd>{account()?.username}</dd>
            <dt>{t('settings.space')}</dt>
            <dd>{account()?.space_name}</dd>
            <dt>{t('settings.address')}</dt>
            <dd>{account()?.address}</dd>
          </dl>
        </div>
        <Show when={account()?.hosted_here || account()?.role === 'owner'}>
          <p class="settings-quiet">
            {account()?.hosted_here ? t('settings.hostedHere') : ''}{' '}
            {account()?.role === 'owner' ? t('settings.owner') : ''}
          </p>
        </Show>
        <div class="profile-name">
          <Field
            label={t('settings.name')}
            value={name()}
            onInput={(text) => {
              setName(text)
              setSaved(false)
            }}
            error={name().trim() === '' ? t('account.nameMissing') : undefined}
            maxLength={MAX_NAME}
            testid={ids.profileName}
          />
          <Button
            type="submit"
            look="primary"
            icon={saved() && !changed() ? Check : undefined}
            disabled={!changed() || name().trim() === ''}
            busy={submission.busy()}
            testid={ids.profileSave}
          >
            {saved() && !changed() ? t('common.saved') : t('common.save')}
          </Button>
        </div>
        <FormProblem problem={submission.problem()} />
      </form>
      <hr class="settings-line" />
      <div>
        <Button onClick={() => setAsking(true)} testid={ids.signOut}>
          {t('settings.signOut')}
        </Button>
      </div>
      <Question
        open={asking()}
        onClose={() => setAsking(false)}
        title={t('settings.signOutTitle')}
        lead={
          <>
            {t('settings.signOutLead')} {account()?.hosted_here ? t('settings.signOutHosting') : ''}
          </>
        }
        confirm={t('settings.signOut')}
        onConfirm={() =>
          app.attempt(async () => {
            await app.backend.signOut()
            app.view.close()
            await app.account.refresh()
          })
        }
      />
    </>
  )
}
