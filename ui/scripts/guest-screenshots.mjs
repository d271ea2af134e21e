// Pictures of every screen of the guest's page; see pictures.mjs.
//   npm run screenshots:guest [-- scene …]      pictures go to ui/screenshots/guest/ (not in git)
//   --quick                                     wide, light, English and narrow, dark, Chinese only
//   CHROMIUM=/path/to/chromium                  where the browser is, if not at /usr/bin/chromium

import { click, id, takePictures } from './pictures.mjs'

const enter = async (page) => {
  await page.locator(id('guest-name')).fill('Mira Lindqvist')
  await page.locator(id('guest-knock')).click()
}
const video = (page) =>
  page.waitForFunction(() => [...document.querySelectorAll('video')].every((video) => video.videoWidth > 0))
const say = async (page) => {
  await click('call-chat')(page)
  await page.locator(id('chat-text')).fill('Good morning! I like the pond where it is.')
  await page.keyboard.press('Enter')
}

/** name → [scene, what to do before the picture] */
const pictures = {
  lobby: ['lobby', video, (page) => page.locator(id('guest-name')).fill('Mira Lindqvist')],
  'lobby-empty-name': ['lobby', video, click('guest-knock')],
  'lobby-camera-off': ['lobby', video, click('lobby-camera')],
  'lobby-open': ['lobby-open', video],
  'lobby-denied': ['denied'],
  'lobby-busy': ['busy'],
  'lobby-no-devices': ['no-devices'],
  'no-link': ['no-link'],
  expired: ['expired'],
  offline: ['offline'],
  insecure: ['insecure'],
  unsupported: ['unsupported'],
  waiting: ['waiting', enter],
  alone: ['alone', enter, video],
  call: ['call', enter, video],
  'call-muted': ['call', enter, video, click('call-microphone'), click('call-camera')],
  'call-three': ['call-three', enter, video],
  'call-audio': ['call-audio', enter, video],
  'call-devices': ['call', enter, video, click('call-devices')],
  reconnecting: ['reconnecting', enter, video],
  away: ['away', enter, video],
  unread: ['chat', enter, video],
  chat: ['chat', enter, video, say],
  refused: ['refused', enter],
  removed: ['removed', enter],
  'call-over': ['call_over', enter],
  'link-over': ['link_over', enter],
  lost: ['lost', enter],
  left: ['call', enter, video, click('call-leave')],
}

await takePictures({
  pictures,
  folder: 'guest',
  config: 'vite.guest.config.ts',
  built: '.fake-guest',
  port: 4198,
  // Theme and language are those of the browser, as for every guest.
  address: ({ scene }) => `/join/guest.html?scene=${scene}`,
})
