// The first start: three ways in, one page each.

import { ArrowLeft, House, Link, LogIn } from 'lucide-solid'
import { createSignal, For, Match, onCleanup, onMount, Show, Switch } from 'solid-js'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { IconButton } from '../ui/button'
import { Languages } from '../ui/languages'
import { Mark } from '../ui/mark'
import { Host } from './Host'
import { Join } from './Join'
import { SignIn } from './SignIn'
import './start.css'

type Page = 'choose' | 'host' | 'join' | 'signIn'

export function Start() {
  const { t } = useI18n()
  const { preferences } = useApp()
  const [page, setPage] = createSignal<Page>('choose')
  const back = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && !event.isComposing) setPage('choose')
  }
  onMount(() => window.addEventListener('keydown', back))
  onCleanup(() => window.removeEventListener('keydown', back))

  return (
    <main class="start">
      <div class="start-card">
        <Show when={page() !== 'choose'}>
          <div class="start-back">
            <IconButton
              icon={ArrowLeft}
              label={t('common.back')}
              shortcut="Escape"
              placement="right"
              onClick={() => setPage('choose')}
              testid={ids.startBack}
            />
          </div>
        </Show>
        <Switch>
          <Match when={page() === 'choose'}>
            <Choose onChoose={setPage} />
          </Match>
          <Match when={page() === 'host'}>
            <Host />
          </Match>
          <Match when={page() === 'join'}>
            <Join />
          </Match>
          <Match when={page() === 'signIn'}>
            <SignIn />
          </Match>
        </Switch>
      </div>
      <Languages onPick={(language) => preferences.change({ language })} />
    </main>
  )
}

function Choose(props: { onChoose: (page: Page) => void }) {
  const { t } = useI18n()
  const ways = () =>
    [
      { page: 'host', icon: House, title: t('start.host'), hint: t('start.hostHint'), testid: ids.startHost },
      { page: 'join', icon: Link, title: t('start.join'), hint: t('start.joinHint'), testid: ids.startJoin },
      {
        page: 'signIn',
        icon: LogIn,
        title: t('start.signIn'),
        hint: t('start.signInHint'),
        testid: ids.startSignIn,
      },
    ] as const
  return (
    <>
      <Mark />
      <h1 class="start-heading">{t('start.title')}</h1>
      <p class="start-lead">{t('start.lead')}</p>
      <ul class="start-ways">
        <For each={ways()}>
          {(way) => (
            <li>
              <button
                type="button"
                class="start-way"
                data-testid={way.testid}
                onClick={() => props.onChoose(way.page)}
              >
                <span class="start-way-icon">
                  <way.icon size={20} aria-hidden="true" />
                </span>
                <span class="start-way-words">
                  <span class="start-way-title">{way.title}</span>
                  <span class="start-way-hint">{way.hint}</span>
                </span>
              </button>
            </li>
          )}
        </For>
      </ul>
    </>
  )
}
