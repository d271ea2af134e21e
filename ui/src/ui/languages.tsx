// The languages, each by its own name: somebody who cannot read this page must be able to change it.

import { For } from 'solid-js'
import { type Language, languageNames, languages, useI18n } from '../i18n'
import './languages.css'

export function Languages(props: { onPick: (language: Language) => void }) {
  const { t, language } = useI18n()
  return (
    <nav class="languages" aria-label={t('start.language')}>
      <For each={languages}>
        {(id: Language) => (
          <button
            type="button"
            class="language"
            lang={id}
            aria-current={language() === id ? 'true' : undefined}
            onClick={() => props.onPick(id)}
          >
            {languageNames[id]}
          </button>
        )}
      </For>
    </nav>
  )
}
