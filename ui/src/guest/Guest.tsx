// The guest's page: one screen for each phase.

import { Match, Switch } from 'solid-js'
import { I18nProvider } from '../i18n'
import { remembered } from './remembered'
import { CallScreen } from './screens/Call'
import { Lobby } from './screens/Lobby'
import { Looking, NoLink, OverScreen, Unfit, WaitingScreen } from './screens/Notices'
import { GuestContext } from './state/context'
import type { Environment } from './state/environment'
import { createGuest } from './state/guest'
import { ids } from './testids'

export function Guest(props: { environment: Environment }) {
  const guest = createGuest(props.environment)
  /** The phase if it is this one, with its fields. */
  const at = <Name extends ReturnType<typeof guest.phase>['at']>(name: Name) => {
    const phase = guest.phase()
    return phase.at === name ? (phase as Extract<typeof phase, { at: Name }>) : undefined
  }
  const why = () => {
    const phase = guest.phase()
    return 'why' in phase ? phase.why : 'code' in phase ? phase.code : undefined
  }
  return (
    <GuestContext.Provider value={guest}>
      <I18nProvider chosen={remembered.language()}>
        <div class="guest" data-testid={ids.page} data-phase={guest.phase().at} data-why={why()}>
          <Switch fallback={<Looking />}>
            <Match when={at('unfit')}>{(phase) => <Unfit why={phase().why} />}</Match>
            <Match when={at('no_link')}>{(phase) => <NoLink code={phase().code} />}</Match>
            <Match when={at('lobby')}>
              <Lobby />
            </Match>
            <Match when={at('waiting')}>
              <WaitingScreen />
            </Match>
            <Match when={at('call')}>
              <CallScreen />
            </Match>
            <Match when={at('over')}>{(phase) => <OverScreen why={phase().why} />}</Match>
          </Switch>
        </div>
      </I18nProvider>
    </GuestContext.Provider>
  )
}
