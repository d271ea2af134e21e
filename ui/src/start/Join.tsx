import { createEffect, createSignal, on, onCleanup, Show } from 'solid-js'
import type { LinkInfo } from '../backend/backend'
import type { Problem } from '../backend/bindings/Problem'
import { toProblem } from '../backend/problem'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { FormProblem } from '../ui/form-problem'
import { AccountFields } from './AccountFields'
import { createAccountForm, createSubmission } from './form'

/** Typing pauses this long before the link is looked at; a pasted one feels immediate all the same. */
const LOOK_AFTER_MS = 250

type Looked = { state: 'looking' } | { state: 'known'; info: LinkInfo } | { state: 'bad'; problem: Problem }

export function Join() {
  const { t, ...i18n } = useI18n()
  const app = useApp()
  const [link, setLink] = createSignal('')
  const [looked, setLooked] = createSignal<Looked | null>(null)
  const form = createAccountForm()
  const submission = createSubmission()

  createEffect(
    on(
      () => link().trim(),
      (text) => {
        setLooked(null)
        if (text === '') return
        let current = true
        const timer = setTimeout(async () => {
          setLooked({ state: 'looking' })
          try {
            const info = await app.backend.inspectLink(text)
            if (current) setLooked({ state: 'known', info })
          } catch (thrown) {
            if (current) setLooked({ state: 'bad', problem: toProblem(thrown) })
          }
        }, LOOK_AFTER_MS)
        onCleanup(() => {
          current = false
          clearTimeout(timer)
        })
      },
    ),
  )

  const info = () => {
    const now = looked()
    return now?.state === 'known' ? now.info : undefined
  }
  const linkError = () => {
    const now = looked()
    if (now?.state === 'bad') return i18n.problem(now.problem)
    if (info()?.invitation === false) return t('join.noInvitation')
    return form.tried() && link().trim() === '' ? t('join.linkMissing') : undefined
  }

  function submit(event: SubmitEvent): void {
    event.preventDefault()
    const complete = form.check() && link().trim() !== '' && !linkError()
    if (!complete) return
    void submission.run(async () => {
      await app.backend.join(link().trim(), form.value)
      await app.account.refresh()
    })
  }

  return (
    <form class="form" onSubmit={submit} novalidate>
      <h1 class="start-heading">{t('join.title')}</h1>
      <Field
        label={t('join.link')}
        placeholder={t('join.linkExample')}
        value={link()}
        onInput={setLink}
        error={linkError()}
        hint={looked()?.state === 'looking' ? t('join.checking') : undefined}
        autofocus
        testid={ids.joinLink}
      />
      <Show when={info()?.invitation && info()}>
        {(known) => (
          <p class="start-info" data-testid={ids.joinInfo}>
            <strong>{t('join.into', known().spaceName)}</strong>
            <span>{t('join.at', known().address)}</span>
          </p>
        )}
      </Show>
      <AccountFields form={form} />
      <FormProblem problem={submission.problem()} />
      <Button type="submit" look="primary" busy={submission.busy()} testid={ids.submit}>
        {submission.busy() ? t('join.working') : t('join.submit')}
      </Button>
    </form>
  )
}
