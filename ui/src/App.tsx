// Which screen: the first start, the main window, or one of the few that stand in its way.

import { CircleAlert } from 'lucide-solid'
import { createEffect, Match, Show, Switch } from 'solid-js'
import { Portal } from 'solid-js/web'
import type { Backend } from './backend/backend'
import { CallSounds, Incoming } from './call/Incoming'
import { Knocks } from './call/Knocks'
import { I18nProvider, useI18n } from './i18n'
import { Main } from './MainWindow'
import { KeyChanged, SignedOut } from './start/Again'
import { Start } from './start/Start'
import { Welcome } from './start/Welcome'
import { createApp } from './state/app'
import { AppContext, useApp } from './state/context'
import { Button } from './ui/button'
import { Empty } from './ui/empty'
import { Mark } from './ui/mark'
import { NoteStack } from './ui/notes'

export function App(props: { backend: Backend }) {
  const app = createApp(props.backend)
  createEffect(() => {
    const { theme } = app.preferences.value
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
    else delete document.documentElement.dataset.theme
  })
  return (
    <AppContext.Provider value={app}>
      <I18nProvider chosen={app.preferences.value.language}>
        <Show when={app.preferences.loaded || app.account.problem}>
          <Screen />
        </Show>
        <CallSounds />
        <Portal>
          {/* Above whatever lies over the window: dialogs neither hide these nor count them as outside. */}
          <div data-kb-top-layer="">
            <Incoming />
            <Knocks />
            <NoteStack />
          </div>
        </Portal>
      </I18nProvider>
    </AppContext.Provider>
  )
}

function Screen() {
  const app = useApp()
  return (
    <Switch fallback={<Opening />}>
      <Match when={app.account.value === null}>
        <Start />
      </Match>
      <Match when={app.account.value && app.connection().state === 'key_changed'}>
        <KeyChanged />
      </Match>
      <Match when={app.account.value && app.connection().state === 'signed_out'}>
        <SignedOut />
      </Match>
      <Match when={app.account.value && app.welcoming()}>
        <Welcome />
      </Match>
      <Match when={app.account.value}>
        <Main />
      </Match>
    </Switch>
  )
}

function Opening() {
  const { t, ...i18n } = useI18n()
  const { account } = useApp()
  return (
    <Show
      when={account.problem}
      fallback={
        <div class="app-waiting" role="status" aria-label={t('app.loading')}>
          <Mark />
        </div>
      }
    >
      {(problem) => (
        <Empty
          icon={CircleAlert}
          action={<Button onClick={() => void account.refresh()}>{t('common.retry')}</Button>}
        >
          {i18n.problem(problem())}
        </Empty>
      )}
    </Show>
  )
}
