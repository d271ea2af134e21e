// The guest's page from the link to the end, on a server and a call that are not there.

import { webcrypto } from 'node:crypto'
import { render, screen, waitFor } from '@solidjs/testing-library'
import userEvent from '@testing-library/user-event'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { device, type Fake, fakeEnvironment } from '../../src/guest/fake/fake'
import { Guest } from '../../src/guest/Guest'
import { remembered } from '../../src/guest/remembered'
import { ids } from '../../src/guest/testids'
import { ApiProblem } from '../../src/guest/wire/api'
import { en } from '../../src/guest/words/en'
import { zhCN } from '../../src/guest/words/zh-CN'
import { en as shared } from '../../src/i18n/en'
import { ids as appIds } from '../../src/testids'

/** What jsdom lacks of a browser's media. */
class Track extends EventTarget {
  readonly kind: string
  enabled = true
  stopped = false
  contentHint = ''
  constructor(kind: string) {
    super()
    this.kind = kind
  }
  stop(): void {
    this.stopped = true
  }
  getSettings = () => ({ deviceId: this.kind === 'video' ? 'cam' : 'mic' })
}
class Stream {
  readonly tracks: Track[]
  constructor(tracks: Track[] = []) {
    this.tracks = tracks
  }
  getVideoTracks = () => this.tracks.filter(({ kind }) => kind === 'video')
  getAudioTracks = () => this.tracks.filter(({ kind }) => kind === 'audio')
}
class Silence {
  state = 'running'
  destination = {}
  createAnalyser = () => ({ fftSize: 8, getFloatTimeDomainData() {}, connect() {} })
  createMediaStreamSource = () => ({ connect() {} })
  resume = async () => {}
  close = async () => {}
}

vi.mock('../../src/guest/fake/tracks', () => ({
  pictureTrack: () => new Track('video'),
  toneTrack: () => new Track('audio'),
}))

beforeEach(() => {
  vi.stubGlobal('crypto', webcrypto)
  vi.stubGlobal('MediaStream', Stream)
  vi.stubGlobal('AudioContext', Silence)
  HTMLMediaElement.prototype.play = async () => {}
  remembered.setLanguage('en')
})

function open(scene: string, change: (fake: Fake) => void = () => {}) {
  const fake = fakeEnvironment(new URLSearchParams({ scene }))
  change(fake)
  render(() => <Guest environment={fake} />)
  return { fake, user: userEvent.setup() }
}

const at = (phase: string) => waitFor(() => expect(screen.getByTestId(ids.page).dataset.phase).toBe(phase))
const what = (fake: Fake, name: string) =>
  fake.said
    .filter((one) => (one as { what?: string }).what === name)
    .map((one) => (one as { fields: unknown[] }).fields)

async function enter({ fake, user }: ReturnType<typeof open>) {
  await at('lobby')
  await user.type(screen.getByTestId(ids.name), 'Mira')
  await user.click(screen.getByTestId(ids.knock))
  return fake
}

async function tile(which: string) {
  return waitFor(() => {
    const found = screen.getAllByTestId(appIds.tile).find((one) => one.dataset.device === which)
    if (!found) throw new Error(`no tile of ${which}`)
    return found
  })
}

describe('the door', () => {
  test('a name is needed, and what was written is how one knocks', async () => {
    const page = open('waiting')
    await at('lobby')
    await page.user.click(screen.getByTestId(ids.knock))
    await screen.findByText(en.lobby.nameMissing)
    await page.user.type(screen.getByTestId(ids.name), '  Mira ')
    await page.user.click(screen.getByTestId(ids.knock))
    await at('waiting')
    await waitFor(() => expect(page.fake.knocks).toHaveLength(1))
    expect(page.fake.knocks[0]?.name).toBe('Mira')
    expect(page.fake.knocks[0]?.public_key).toMatch(/^[A-Za-z0-9+/]{43}$/)
    expect(remembered.name()).toBe('Mira')
  })

  test('one who goes away from the door is back in the lobby and hears nothing more', async () => {
    const page = open('waiting')
    const fake = await enter(page)
    await at('waiting')
    await waitFor(() => expect(fake.socket()).toBeDefined())
    await page.user.click(screen.getByTestId(ids.cancel))
    await at('lobby')
    fake.says({ type: 'guest.admitted', call: device(1), room: device(2) })
    await at('lobby')
  })

  test('a server that refuses a knock is heard, and one can knock again', async () => {
    const page = open('call', (fake) => {
      const { knock } = fake.api
      let first = true
      fake.api.knock = (given) => {
        if (!first) return knock(given)
        first = false
        return Promise.reject(new ApiProblem('rate_limited', 'slowly', 1000))
      }
    })
    await enter(page)
    expect((await screen.findByTestId(ids.problem)).textContent).toContain(en.problems.rate_limited)
    expect((screen.getByTestId(ids.name) as HTMLInputElement).value).toBe('Mira')
    await page.user.click(screen.getByTestId(ids.knock))
    await at('call')
  })

  test.each([
    ['no-link', en.noLink.not_found, false],
    ['expired', en.noLink.link_expired, false],
    ['offline', en.noLink.offline, true],
    ['insecure', en.unfit.insecure, false],
    ['unsupported', en.unfit.unsupported, false],
  ])('%s is said in words', async (scene, words, retry) => {
    open(scene)
    await screen.findByText(words)
    expect(screen.queryByTestId(ids.again) !== null).toBe(retry)
  })

  test('a link that ends while one knocks says so', async () => {
    const page = open('call', (fake) => {
      fake.api.knock = () => Promise.reject(new ApiProblem('link_expired', 'over'))
    })
    await enter(page)
    await at('no_link')
  })
})

describe('devices', () => {
  test.each([
    ['denied', ['camera_denied', 'microphone_denied']],
    ['no-devices', ['camera_not_found', 'microphone_not_found']],
    ['busy', ['camera_busy']],
  ])('%s: each problem has its own words, and one can come in all the same', async (scene, codes) => {
    const page = open(scene)
    await at('lobby')
    await waitFor(() => {
      const told = screen.getAllByTestId(ids.problem).map((one) => one.dataset.code)
      expect(told).toEqual(codes)
    })
    await enter(page)
    await at('call')
    expect((await tile('self')).dataset.camera).toBe('false')
    expect((await tile('self')).dataset.microphone).toBe(String(scene === 'busy'))
  })

  test('what does not work is shown as off, and tried again when it is switched on', async () => {
    const page = open('busy')
    await at('lobby')
    const button = screen.getByTestId(ids.lobbyCamera)
    await waitFor(() => expect(button.getAttribute('aria-label')).toBe(shared.call.cameraOn))
    expect(screen.getByTestId(ids.lobbyMicrophone).getAttribute('aria-label')).toBe(shared.call.mute)
    page.fake.devices.getUserMedia = async () => new MediaStream([new Track('video') as never])
    await page.user.click(button)
    await waitFor(() => expect(button.getAttribute('aria-label')).toBe(shared.call.cameraOff))
    expect(screen.queryAllByTestId(ids.problem)).toEqual([])
  })

  test('a camera that is off is let go, a microphone that is off is silent', async () => {
    const page = open('call')
    const fake = await enter(page)
    await at('call')
    await page.user.click(screen.getByTestId(ids.camera))
    await page.user.click(screen.getByTestId(ids.microphone))
    await waitFor(() => expect(what(fake, 'media').at(-1)).toEqual([{ microphone: false, camera: false }]))
    const [last] = what(fake, 'tracks').at(-1) as [{ audio: Track | null; video: Track | null }]
    expect(last.video).toBeNull()
    expect(last.audio?.enabled).toBe(false)
    expect(last.audio?.stopped).toBe(false)
    await page.user.click(screen.getByTestId(ids.camera))
    await waitFor(() => expect(what(fake, 'media').at(-1)).toEqual([{ microphone: false, camera: true }]))
  })
})

describe('the call', () => {
  test('everybody is shown with their name, their marks and their own sound', async () => {
    const page = open('call-three')
    await enter(page)
    await at('call')
    expect((await tile(device(1))).dataset.microphone).toBe('false')
    expect((await tile(device(2))).textContent).toContain(shared.guests.mark)
    await waitFor(() => expect(screen.getAllByTestId(ids.sound)).toHaveLength(3))
    await waitFor(async () => expect((await tile(device(0))).dataset.speaking).toBe('true'))
    expect((await tile(device(1))).dataset.speaking).toBe('false')
  })

  test('others are told how large they are shown', async () => {
    const page = open('call')
    const fake = await enter(page)
    await waitFor(() => expect(what(fake, 'tile').length).toBeGreaterThan(0))
    const [who, width, height] = what(fake, 'tile').at(-1) ?? []
    expect(who).toBe(device(0))
    expect(Number(width) * Number(height)).toBeGreaterThan(0)
  })

  test('chat goes both ways, and what is new is counted until it is seen', async () => {
    const page = open('chat')
    const fake = await enter(page)
    await at('call')
    await waitFor(() =>
      expect(screen.getByTestId(ids.chat).getAttribute('aria-label')).toBe(shared.call.chat.unread(2)),
    )
    await page.user.click(screen.getByTestId(ids.chat))
    expect(screen.getByTestId(ids.chat).getAttribute('aria-label')).toBe(shared.call.chat.title)
    await page.user.type(screen.getByTestId(ids.chatText), 'Good morning{Enter}')
    expect(what(fake, 'chat')).toEqual([['Good morning']])
    expect((screen.getByTestId(ids.chatText) as HTMLTextAreaElement).value).toBe('')
    const told = screen.getAllByTestId(ids.chatMessage)
    expect(told.at(-1)?.dataset.own).toBe('true')
    fake.others()?.onChat(device(0), 'x', '<b>bold</b>')
    await waitFor(() =>
      expect(screen.getAllByTestId(ids.chatMessage).at(-1)?.textContent).toContain('<b>bold</b>'),
    )
  })

  test('what a guest writes is marked as a guest’s, and what is too long is not said', async () => {
    const page = open('call-three')
    const fake = await enter(page)
    await at('call')
    await page.user.click(screen.getByTestId(ids.chat))
    fake.others()?.onChat(device(2), '1', 'Hello')
    fake.others()?.onChat(device(0), '2', 'Hi')
    const said = await waitFor(() => {
      const found = screen.getAllByTestId(ids.chatMessage)
      expect(found).toHaveLength(2)
      return found
    })
    expect(said[0]?.textContent).toContain(shared.guests.mark)
    expect(said[1]?.textContent).not.toContain(shared.guests.mark)
    await page.user.click(screen.getByTestId(ids.chatText))
    await page.user.paste('x'.repeat(4_001))
    await page.user.keyboard('{Enter}')
    await screen.findByText(shared.call.chat.tooLong)
    expect(what(fake, 'chat')).toEqual([])
  })

  test('what nobody would read is not taken from the writer', async () => {
    const page = open('alone', (fake) => {
      const { beginCall } = fake
      fake.beginCall = (config, events) => ({ ...beginCall(config, events), chat: () => undefined })
    })
    await enter(page)
    await at('call')
    await screen.findByTestId(ids.alone)
    await page.user.click(screen.getByTestId(ids.chat))
    await page.user.type(screen.getByTestId(ids.chatText), 'Hello?{Enter}')
    await screen.findByText(en.call.chatNobody)
    expect((screen.getByTestId(ids.chatText) as HTMLTextAreaElement).value).toBe('Hello?')
    await page.user.type(screen.getByTestId(ids.chatText), '!')
    expect(screen.queryByText(en.call.chatNobody)).toBeNull()
  })

  test('a server that is away is said and the call goes on; back again, we announce ourselves', async () => {
    const page = open('call')
    const fake = await enter(page)
    await at('call')
    fake.socket()?.onLost()
    await screen.findByText(en.call.away)
    const before = what(fake, 'join').length
    fake.says({ type: 'hello', device: device(9), server_time: 0 })
    fake.says({ type: 'guest.admitted', call: device(1), room: device(2) })
    await waitFor(() => expect(screen.queryByText(en.call.away)).toBeNull())
    expect(what(fake, 'join').length).toBe(before + 1)
    expect(what(fake, 'leave')).toHaveLength(0)
  })
})

describe('the end', () => {
  test.each([
    ['refused', 'refused', true],
    ['removed', 'removed', true],
    ['call_over', 'call_over', false],
    ['link_over', 'link_over', false],
    ['lost', 'lost', true],
  ])('%s has a screen of its own', async (scene, why, again) => {
    await enter(open(scene))
    await at('over')
    expect(screen.getByTestId(ids.page).dataset.why).toBe(why)
    await screen.findByText(en.over[why as keyof typeof en.over])
    expect(screen.queryByTestId(ids.again) !== null).toBe(again)
  })

  test('who leaves hangs up, and may come again by the same link', async () => {
    const page = open('call')
    const fake = await enter(page)
    await at('call')
    await page.user.click(screen.getByTestId(ids.leave))
    await at('over')
    expect(what(fake, 'leave')).toHaveLength(1)
    await page.user.click(screen.getByTestId(ids.again))
    await at('lobby')
    expect((screen.getByTestId(ids.name) as HTMLInputElement).value).toBe('Mira')
  })

  test('who was lost comes back without knocking', async () => {
    const page = open('call')
    const fake = await enter(page)
    await at('call')
    fake.others()?.onEnd('lost')
    await at('over')
    await page.user.click(screen.getByTestId(ids.again))
    await at('call')
    expect(fake.knocks).toHaveLength(1)
  })
})

test('the page can be read in Chinese, and both languages say the same things', async () => {
  const page = open('lobby')
  await at('lobby')
  await page.user.click(screen.getByText('简体中文'))
  await screen.findByText(zhCN.lobby.knock)
  expect(remembered.language()).toBe('zh-CN')

  const paths = (words: object, path = ''): string[] =>
    Object.entries(words).flatMap(([key, value]) =>
      typeof value === 'object' ? paths(value as object, `${path}${key}.`) : [`${path}${key}`],
    )
  expect(paths(zhCN).sort()).toEqual(paths(en).sort())
  const said = (words: object): string[] =>
    Object.values(words).flatMap((value): string[] => {
      if (typeof value === 'string') return [value]
      if (typeof value === 'function') return [(value as (...given: unknown[]) => string)('3', 'B')]
      return said(value as object)
    })
  for (const words of said(zhCN)) expect(words).toMatch(/\p{Script=Han}/u)
})
