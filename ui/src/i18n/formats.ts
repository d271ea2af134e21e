// Times as the reader writes them: the clock of their system's locale when that is of the interface's language, else of the language.

import type { Language } from '.'

const DAY_MS = 86_400_000

/** Whole days from `earlier`'s day to `later`'s, by the local calendar. */
export function daysBetween(earlier: number, later: number): number {
  const midnight = (at: number) => new Date(at).setHours(0, 0, 0, 0)
  return Math.round((midnight(later) - midnight(earlier)) / DAY_MS)
}

/** `4:05`, `1:04:05`. */
export function duration(milliseconds: number): string {
  const total = Math.max(0, Math.floor(milliseconds / 1000))
  const seconds = String(total % 60).padStart(2, '0')
  const minutes = Math.floor(total / 60) % 60
  const hours = Math.floor(total / 3600)
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`
}

export function createFormats(language: Language, system: string) {
  const locale = system.split('-')[0] === language.split('-')[0] ? system : language
  const time = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' })
  const weekday = new Intl.DateTimeFormat(locale, { weekday: 'long' })
  const shortWeekday = new Intl.DateTimeFormat(locale, { weekday: 'short' })
  const day = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' })
  const dayOfYear = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long', year: 'numeric' })
  const shortDay = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' })
  const near = new Intl.DateTimeFormat(locale, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: 'numeric',
    minute: '2-digit',
  })
  const exact = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'medium' })

  return {
    time: (at: number) => time.format(at),
    exact: (at: number) => exact.format(at),
    /** Day and time of what is some days away at most. */
    near: (at: number) => near.format(at),
    /** A day's heading; `words` names today and yesterday. */
    day(at: number, now: number, words: { today: string; yesterday: string }): string {
      const days = daysBetween(at, now)
      if (days === 0) return words.today
      if (days === 1) return words.yesterday
      if (days > 1 && days < 7) return weekday.format(at)
      return new Date(at).getFullYear() === new Date(now).getFullYear()
        ? day.format(at)
        : dayOfYear.format(at)
    },
    /** As short as a line of the rail allows. */
    brief(at: number, now: number): string {
      const days = daysBetween(at, now)
      if (days <= 0) return time.format(at)
      return days < 7 ? shortWeekday.format(at) : shortDay.format(at)
    },
    duration,
  }
}

export type Formats = ReturnType<typeof createFormats>
