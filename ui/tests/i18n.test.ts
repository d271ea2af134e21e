import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { languages, pickLanguage } from '../src/i18n'
import { en } from '../src/i18n/en'
import { createFormats, daysBetween, duration } from '../src/i18n/formats'
import { zhCN } from '../src/i18n/zh-CN'

/** Every sentence by its path; functions are said with sample values. */
function sentences(words: object, path = ''): [string, string][] {
  return Object.entries(words).flatMap(([key, value]): [string, string][] => {
    const at = path ? `${path}.${key}` : key
    if (typeof value === 'string') return [[at, value]]
    if (typeof value === 'function')
      return [[at, String((value as (...sample: unknown[]) => string)(3, 'B'))]]
    return sentences(value as object, at)
  })
}

describe('sentences', () => {
  test('both languages have the same keys and none is empty', () => {
    const english = sentences(en)
    const chinese = sentences(zhCN)
    expect(chinese.map(([path]) => path).sort()).toEqual(english.map(([path]) => path).sort())
    for (const [path, text] of [...english, ...chinese]) expect(text.trim(), path).not.toBe('')
  })

  test('Chinese sentences are Chinese', () => {
    // Names, examples and addresses are the same in every language.
    const same = new Set(['app.name', 'join.linkExample'])
    for (const [path, text] of sentences(zhCN))
      if (!same.has(path)) expect(text, path).toMatch(/\p{Script=Han}/u)
  })

  test('values that are given are said', () => {
    for (const words of [en, zhCN]) {
      expect(words.rail.unread(7)).toContain('7')
      expect(words.timeline.kicked('Ada', 'Grace')).toMatch(/Ada.*Grace|Grace.*Ada/)
      expect(words.timeline.kicked('Ada', null)).toContain('Ada')
      expect(words.connection.keyChanged.lead('Lake House')).toContain('Lake House')
    }
    expect(en.room.members(1)).toBe('1 person')
    expect(en.room.members(2)).toBe('2 people')
  })

  test('every code that Rust names has a sentence', () => {
    const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
    const ofServer = [...read('../src/backend/bindings/ErrorCode.ts').matchAll(/"([a-z_]+)"/g)].map(
      ([, code]) => code,
    )
    // The codes stand in the type's documentation: some whole, the devices' as beginnings and endings.
    const doc = read('../src/backend/bindings/Problem.ts').match(/client's:([\s\S]*?)\*\//)?.[1] ?? ''
    const named = [...doc.matchAll(/`([a-z_]+)`/g)].map(([, code]) => code ?? '')
    const beginnings = named.filter((code) => code.endsWith('_'))
    const afterBeginnings = named.slice(named.lastIndexOf(beginnings.at(-1) ?? '') + 1)
    const whole = named.slice(0, named.indexOf(beginnings[0] ?? ''))
    const ofClient = [
      ...whole,
      ...beginnings.flatMap((device) => afterBeginnings.map((fault) => device + fault)),
    ]
    expect(ofClient).toContain('microphone_denied')
    expect(ofServer.length).toBeGreaterThan(15)
    expect(ofClient.length).toBeGreaterThan(15)
    for (const code of [...ofServer, ...ofClient]) {
      for (const words of [en, zhCN]) expect(Object.keys(words.problems), code).toContain(code)
    }
  })
})

test('the first language of the reader that we have is taken, whatever its region', () => {
  expect(pickLanguage(null, ['de-DE', 'zh-Hans-CN', 'en'])).toBe('zh-CN')
  expect(pickLanguage(undefined, ['fr', 'en-GB'])).toBe('en')
  expect(pickLanguage(null, [])).toBe('en')
  expect(pickLanguage('zh-CN', ['en'])).toBe('zh-CN')
  expect(pickLanguage('xx', ['zh'])).toBe('en')
  expect(languages).toHaveLength(2)
})

describe('times', () => {
  const noon = (month: number, day: number, year = 2026) => new Date(year, month - 1, day, 12).getTime()
  const words = { today: 'Today', yesterday: 'Yesterday' }

  test('a day is named by how far it is', () => {
    const { day } = createFormats('en', 'en-GB')
    const now = noon(11, 22)
    expect(day(now - 1, now, words)).toBe('Today')
    expect(day(noon(11, 21), now, words)).toBe('Yesterday')
    expect(day(noon(11, 18), now, words)).toBe('Wednesday')
    expect(day(noon(3, 1), now, words)).toBe('Sunday 1 March')
    expect(day(noon(3, 1, 2024), now, words)).toBe('1 March 2024')
    // A clock that runs ahead of ours: its tomorrow is written as a date, not as a weekday of the past.
    expect(day(noon(11, 23), now, words)).toBe('Monday 23 November')
  })

  test('days are calendar days, not 24 hours', () => {
    const late = new Date(2026, 10, 21, 23, 59).getTime()
    const early = new Date(2026, 10, 22, 0, 1).getTime()
    expect(daysBetween(late, early)).toBe(1)
    expect(daysBetween(early, early + 23 * 3_600_000)).toBe(0)
  })

  test('a call of an hour has hours, and a clock that went back shows zero', () => {
    expect(duration(59_999)).toBe('0:59')
    expect(duration(754_000)).toBe('12:34')
    expect(duration(3_723_000)).toBe('1:02:03')
    expect(duration(-5)).toBe('0:00')
  })

  test('the system’s locale writes times when it is of the interface’s language', () => {
    const at = noon(11, 22) + 3_600_000
    expect(createFormats('en', 'en-GB').time(at)).toBe('13:00')
    expect(createFormats('en', 'zh-CN').time(at)).toMatch(/1:00\sPM/)
  })

  test('what ends soon is told by its day and minute', () => {
    const at = noon(11, 22) + 3_600_000
    expect(createFormats('en', 'en-GB').near(at)).toBe('Sun 22 Nov, 13:00')
    expect(createFormats('zh-CN', 'en-GB').near(at)).toBe('11月22日周日 13:00')
  })
})
