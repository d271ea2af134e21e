// Somebody with a link asks to come into the call: a sheet at the top, as for a ring, that takes neither the focus nor the screen.

import { Check, X } from 'lucide-solid'
import { createEffect, createMemo, For, on, Show } from 'solid-js'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { Button } from '../ui/button'
import { Face } from '../ui/face'
import { playSoftly } from './sounds'
import './knocks.css'

/** More than these at once would cover the call; the others come up as these are answered. */
const SHOWN = 3

export function Knocks() {
  const { t } = useI18n()
  const app = useApp()
  const waiting = createMemo(() => app.call()?.knocking ?? [])

  // Heard once for each who comes, softly: one is in a call.
  createEffect(
    on(
      () => waiting().map(({ device }) => device),
      (now, before: string[] = []) => {
        const news = now.some((device) => !before.includes(device))
        if (news && !app.preferences.value.quiet) playSoftly('ring')
        return now
      },
    ),
  )

  return (
    <Show when={waiting().length > 0}>
      <section class="knocks" aria-label={t('guests.atTheDoor')}>
        <For each={waiting().slice(0, SHOWN)}>
          {(guest) => (
            <div class="knock" role="alert" data-testid={ids.knock} data-device={guest.device}>
              <Face name={guest.name} />
              <div class="knock-words">
                <p class="knock-name" title={guest.name}>
                  {t('guests.knocks', guest.name)}
                </p>
                <p class="knock-note">{t('guests.knocksNote')}</p>
              </div>
              <Button
                icon={X}
                onClick={() => app.attempt(() => app.backend.refuseGuest(guest.device))}
                testid={ids.knockRefuse}
              >
                {t('guests.refuse')}
              </Button>
              <Button
                look="good"
                icon={Check}
                onClick={() => app.attempt(() => app.backend.admitGuest(guest.device))}
                testid={ids.knockAdmit}
              >
                {t('guests.admit')}
              </Button>
            </div>
          )}
        </For>
        <Show when={waiting().length > SHOWN}>
          <p class="knocks-more">{t('guests.knocksMore', waiting().length - SHOWN)}</p>
        </Show>
      </section>
    </Show>
  )
}
