// Guests of the call: the links by which they come, and those who are in.

import { Link, Unlink, UserMinus } from 'lucide-solid'
import { createResource, createSignal, For, Show } from 'solid-js'
import type { Admission } from '../backend/bindings/Admission'
import type { CallLink } from '../backend/bindings/CallLink'
import type { CallView } from '../backend/bindings/CallView'
import { toProblem } from '../backend/problem'
import { useI18n } from '../i18n'
import { createSubmission } from '../start/form'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { Button } from '../ui/button'
import { Segments } from '../ui/choice'
import { CopyLine } from '../ui/copy-line'
import { Question, Sheet } from '../ui/dialog'
import { Face } from '../ui/face'
import { FormProblem } from '../ui/form-problem'
import './guests.css'

export function Guests(props: { call: CallView }) {
  const { t } = useI18n()
  const app = useApp()
  const [known, { refetch }] = createResource(() => app.backend.guestLinks())
  const links = () => (known.error ? undefined : known.latest)
  const guests = () => props.call.peers.filter(({ guest }) => guest)

  return (
    <Sheet
      open
      onClose={app.view.close}
      title={t('guests.title')}
      lead={t('guests.lead')}
      testid={ids.guestsSheet}
    >
      <div class="form">
        <FormProblem problem={known.error ? toProblem(known.error) : null} />
        <Show when={links()?.browser_trust === 'self_signed'}>
          <NotYet />
        </Show>
        <Show when={links()?.browser_trust === 'trusted'}>
          <Making onChange={() => void refetch()} />
          <Show when={links()?.links.length}>
            <ul class="guest-links" aria-label={t('guests.links')}>
              <For each={links()?.links}>
                {(link) => <LinkRow link={link} onChange={() => void refetch()} />}
              </For>
            </ul>
          </Show>
        </Show>
        <Show when={guests().length > 0}>
          <InCall call={props.call} />
        </Show>
      </div>
    </Sheet>
  )
}

/** Browsers would warn of the server, and give its pages no camera. */
function NotYet() {
  const { t } = useI18n()
  return (
    <div class="guests-not-yet" data-testid={ids.guestsNotYet}>
      <p>{t('guests.notYet')}</p>
      <ul>
        <li>
          {t('guests.notYetCertificate')} <code>--tls-cert</code> <code>--tls-key</code>
        </li>
        <li>
          {t('guests.notYetProxy')} <code>--public-url</code>
        </li>
      </ul>
    </div>
  )
}

function Making(props: { onChange: () => void }) {
  const { t } = useI18n()
  const app = useApp()
  const [admission, setAdmission] = createSignal<Admission>('knock')
  const submission = createSubmission()
  return (
    <div class="guests-making">
      <Segments
        label={t('guests.admission')}
        options={[
          { id: 'knock', name: t('guests.knock') },
          { id: 'open', name: t('guests.open') },
        ]}
        value={admission()}
        onPick={(id) => setAdmission(id === 'open' ? 'open' : 'knock')}
        testid={ids.guestAdmission}
      />
      <p class="field-hint">{admission() === 'knock' ? t('guests.knockHint') : t('guests.openHint')}</p>
      <FormProblem problem={submission.problem()} />
      <Button
        icon={Link}
        look="primary"
        busy={submission.busy()}
        onClick={() =>
          void submission.run(async () => {
            await app.backend.makeGuestLink(admission())
            props.onChange()
          })
        }
        testid={ids.guestLinkMake}
      >
        {t('guests.make')}
      </Button>
    </div>
  )
}

function LinkRow(props: { link: CallLink; onChange: () => void }) {
  const { t, format } = useI18n()
  const app = useApp()
  const about = () => {
    const how = props.link.admission === 'knock' ? t('guests.knock') : t('guests.open')
    return `${how} · ${t('guests.until', format.near(props.link.expires_at))}`
  }
  return (
    <li class="guest-link" data-testid={ids.guestLink}>
      <Show when={props.link.url} fallback={<p>{t('guests.linkOf', props.link.by || t('common.you'))}</p>}>
        {(url) => <CopyLine text={url()} label={t('guests.link')} />}
      </Show>
      <div class="guest-link-about">
        <span class="field-hint">{about()}</span>
        <Button
          icon={Unlink}
          onClick={() =>
            app.attempt(async () => {
              await app.backend.revokeGuestLink(props.link.id)
              props.onChange()
            })
          }
          testid={ids.guestLinkRevoke}
        >
          {t('guests.revoke')}
        </Button>
      </div>
    </li>
  )
}

function InCall(props: { call: CallView }) {
  const { t } = useI18n()
  const app = useApp()
  const [removing, setRemoving] = createSignal<{ device: string; name: string }>()
  const [asking, setAsking] = createSignal(false)
  return (
    <section aria-label={t('guests.inCall')}>
      <h3 class="field-label">{t('guests.inCall')}</h3>
      <ul class="guest-links">
        <For each={props.call.peers.filter(({ guest }) => guest)}>
          {(guest) => (
            <li class="guest-row" data-testid={ids.guestRow}>
              <Face name={guest.name} />
              <span class="rail-words">
                <span class="rail-name">{guest.name}</span>
                <span class="rail-snippet">{t('guests.unverified')}</span>
              </span>
              <Button
                icon={UserMinus}
                onClick={() => {
                  setRemoving({ device: guest.device, name: guest.name })
                  setAsking(true)
                }}
                testid={ids.guestRemove}
              >
                {t('guests.remove')}
              </Button>
            </li>
          )}
        </For>
      </ul>
      <Question
        open={asking()}
        onClose={() => setAsking(false)}
        title={t('guests.removeTitle', removing()?.name ?? '')}
        lead={t('guests.removeLead')}
        confirm={t('guests.remove')}
        onConfirm={() => {
          const guest = removing()
          if (guest) app.attempt(() => app.backend.removeGuest(guest.device))
        }}
      />
    </section>
  )
}
