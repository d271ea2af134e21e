// Pictures of every scene of the app; see pictures.mjs.
//   npm run screenshots [-- scene …]      pictures go to ui/screenshots/app/ (not in git)
//   --quick                               wide, light, English and narrow, dark, Chinese only
//   CHROMIUM=/path/to/chromium            where the browser is, if not at /usr/bin/chromium

import { click, id, press, takePictures } from './pictures.mjs'

const settings = (section) => async (page) => {
  await press('Control+,')(page)
  await click(`settings-${section}`)(page)
}
/** On a narrow window a room is a pane of its own. */
const openRoom = async (page) => {
  if (page.viewportSize().width < 600) await page.locator(`${id('room-row')}[data-room="r-living"]`).click()
}
const video = (page) =>
  page.waitForFunction(() =>
    [...document.querySelectorAll('canvas')].every((c) => Number(c.dataset.frames) > 5),
  )

/** One's own picture is put into another corner by the arrow keys. */
const corner =
  (...keys) =>
  async (page) => {
    await page.locator(`${id('tile')}[data-device="self"]`).focus()
    for (const key of keys) await page.keyboard.press(key)
    await page.evaluate(() => document.activeElement.blur())
  }

/** name → [scene, what to do before the picture] */
const pictures = {
  start: ['start'],
  'start-host': ['start', click('start-host')],
  'start-host-errors': ['start', click('start-host'), click('submit')],
  'start-host-ready': [
    'start',
    click('start-host'),
    async (page) => {
      await page.locator(id('host-space')).fill('Lake House')
      await page.locator(id('account-name')).fill('Mira Lindqvist')
      await page.locator(id('account-password')).fill('a long password')
    },
    click('submit'),
    (page) => page.locator(id('invite-link')).waitFor(),
  ],
  'start-join': [
    'start',
    click('start-join'),
    (page) => page.locator(id('join-link')).fill('snug://join/192.168.1.20:8443/abc/def'),
    (page) => page.locator(id('join-info')).waitFor(),
  ],
  'start-sign-in': [
    'start',
    click('start-sign-in'),
    async (page) => {
      await page.locator(id('sign-in-server')).fill('snug.example.org:8443')
      await page.locator(id('account-username')).fill('mira')
      await page.locator(id('account-password')).fill('wrong')
    },
    click('submit'),
    (page) => page.locator(id('form-error')).waitFor(),
  ],
  rail: ['main'],
  room: ['main', openRoom],
  notices: ['notices', openRoom],
  empty: [
    'empty',
    async (page) => {
      if (page.viewportSize().width < 600) await page.locator(id('room-row')).first().click()
    },
  ],
  'empty-rail': ['empty'],
  failed: ['failed', openRoom],
  typing: ['typing', openRoom],
  long: [
    'long',
    openRoom,
    (page) => page.mouse.move(page.viewportSize().width - 120, 400),
    (page) => page.mouse.wheel(0, -900),
  ],
  offline: ['offline', openRoom],
  'key-changed': ['key-changed'],
  'signed-out': ['signed-out'],
  announcement: ['announcement'],
  incoming: ['incoming'],
  'incoming-audio': ['incoming-audio'],
  outgoing: ['outgoing', openRoom, video],
  ended: ['ended', openRoom],
  call: ['call', openRoom, video],
  'call-full': ['call', openRoom, video, click('call-full')],
  'call-audio': ['call-audio', openRoom],
  'call-top-left': ['call', openRoom, video, corner('ArrowLeft')],
  'call-bottom-left': ['call', openRoom, video, corner('ArrowLeft', 'ArrowDown')],
  'call-three': ['call-three', openRoom, video],
  guests: ['guests', openRoom, click('call-guests'), (page) => page.waitForTimeout(200)],
  'guests-not-yet': ['guests-not-yet', openRoom, click('call-guests')],
  'call-chat': ['guests', openRoom, click('call-chat-open')],
  'call-unread': ['guests', openRoom, video],
  knocking: ['knocking', openRoom, video],
  'call-elsewhere': ['call-elsewhere'],
  reconnecting: ['reconnecting', openRoom, video],
  'camera-problem': ['camera-problem', openRoom, video],
  people: ['main', openRoom, click('room-people')],
  invite: ['main', click('invite-people'), (page) => page.waitForTimeout(200)],
  'invite-to-room': ['main', openRoom, click('room-people'), click('room-invite-row')],
  'new-room': ['main', press('Control+n')],
  'room-menu': ['main', openRoom, click('room-menu')],
  'space-menu': ['main', click('space-menu')],
  switcher: ['main', press('Control+k')],
  shortcuts: [
    'main',
    press('Control+,'),
    press('Escape'),
    async (page) => {
      await page.evaluate(() => document.activeElement.blur())
      await page.keyboard.press('?')
    },
  ],
  'settings-profile': ['main', settings('profile')],
  'settings-devices': ['main', settings('devices'), video],
  'settings-no-devices': ['no-devices', settings('devices')],
  'settings-appearance': ['main', settings('appearance')],
  'settings-notifications': ['main', settings('notifications')],
  'settings-privacy': ['main', settings('privacy')],
  'settings-about': ['main', settings('about')],
  tooltip: [
    'main',
    openRoom,
    (page) => page.locator(id('call-video')).hover(),
    (page) => page.waitForTimeout(700),
  ],
}

await takePictures({
  pictures,
  folder: 'app',
  config: 'vite.config.ts',
  built: '.fake-dist',
  port: 4199,
  address: ({ scene, theme, language }) => `/?scene=${scene}&theme=${theme}&language=${language}`,
})
