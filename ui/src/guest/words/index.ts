// The guest's page in the language that the app's own words are in (i18n/), which it shares.

import { flatten, translator } from '@solid-primitives/i18n'
import { createMemo } from 'solid-js'
import { type Language, useI18n } from '../../i18n'
import { en, type Words } from './en'
import { zhCN } from './zh-CN'

const dictionaries: Record<Language, Words> = { en, 'zh-CN': zhCN }

/** The words; only below I18nProvider. */
export function useWords() {
  const { language } = useI18n()
  const words = createMemo(() => flatten(dictionaries[language()]))
  return translator(words)
}
