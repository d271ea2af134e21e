// Which language the interface speaks, how it words things and how it writes times. What was chosen is kept by the app
// (Preferences); this only follows it.

import { flatten, translator } from '@solid-primitives/i18n'
import {
  type Accessor,
  createContext,
  createEffect,
  createMemo,
  type ParentProps,
  useContext,
} from 'solid-js'
import type { Problem } from '../backend/bindings/Problem'
import { type Dictionary, en } from './en'
import { createFormats, type Formats } from './formats'
import { zhCN } from './zh-CN'

/** Languages in which everything is written. */
export const languages = ['en', 'zh-CN'] as const
export type Language = (typeof languages)[number]

/** What each language calls itself. */
export const languageNames: Record<Language, string> = { en: 'English', 'zh-CN': '简体中文' }

const dictionaries: Record<Language, Dictionary> = { en, 'zh-CN': zhCN }

function words(language: Language) {
  return flatten(dictionaries[language])
}

/** The first of the reader's languages that we have, or English. */
export function pickLanguage(chosen: string | null | undefined, system: readonly string[]): Language {
  for (const wanted of chosen ? [chosen] : system) {
    const base = wanted.toLowerCase().split(/[-_]/)[0]
    if (base === 'zh') return 'zh-CN'
    if (base === 'en') return 'en'
  }
  return 'en'
}

function createI18n(chosen: Accessor<string | null | undefined>) {
  const language = createMemo(() => pickLanguage(chosen(), navigator.languages))
  const dictionary = createMemo(() => words(language()))
  const t = translator(dictionary)
  const formats = createMemo(() => createFormats(language(), navigator.language))

  return {
    t,
    language,
    /** Times, days and lists as the reader writes them. */
    format: new Proxy({} as Formats, { get: (_, name) => formats()[name as keyof Formats] }),
    /** The sentence for a Problem; a code that has none reads as `unknown`. */
    problem(problem: Pick<Problem, 'code'>): string {
      const { problems } = dictionaries[language()]
      return Object.hasOwn(problems, problem.code)
        ? problems[problem.code as keyof typeof problems]
        : problems.unknown
    },
  }
}

export type I18n = ReturnType<typeof createI18n>

const Context = createContext<I18n>()

export function I18nProvider(props: ParentProps<{ chosen: string | null | undefined }>) {
  const i18n = createI18n(() => props.chosen)
  createEffect(() => {
    document.documentElement.lang = i18n.language()
  })
  return <Context.Provider value={i18n}>{props.children}</Context.Provider>
}

/** The words; only below {@link I18nProvider}. */
export function useI18n(): I18n {
  const i18n = useContext(Context)
  if (!i18n) throw new Error('useI18n outside I18nProvider')
  return i18n
}
