import { onMount, Show } from 'solid-js'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { createFetched } from '../state/fetched'
import { Mark } from '../ui/mark'

export function About() {
  const { t } = useI18n()
  const { backend } = useApp()
  const about = createFetched(() => backend.about())
  onMount(() => void about.refresh())
  return (
    <div class="form">
      <div class="about-head">
        <Mark />
        <div>
          <h3 class="about-name">{t('app.name')}</h3>
          <Show when={about.value}>
            {(known) => <p class="settings-quiet">{t('settings.version', known().version)}</p>}
          </Show>
        </div>
      </div>
      <p>{t('settings.aboutLead')}</p>
      <Show when={about.value}>
        {(known) => (
          <>
            <p class="settings-quiet">{t('settings.license', known().license)}</p>
            <Show when={known().developer}>
              <p class="settings-quiet">{t('settings.developer')}</p>
            </Show>
          </>
        )}
      </Show>
    </div>
  )
}
