// Pictures of every scene, in every size, theme and language, taken with Chromium under the webview's own content policy; and an
// accessibility check of each (axe-core). Fails on anything that the page complains of.
//   npm run screenshots [-- scene …]      pictures go to ui/screenshots/ (not in git)
//   --quick                               wide, light, English and narrow, dark, Chinese only
//   CHROMIUM=/path/to/chromium            where the browser is, if not at /usr/bin/chromium

import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { build, preview } from 'vite'

const root = fileURLToPath(new URL('..', import.meta.url))
const out = `${root}screenshots`
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const id = (name) => `[data-testid="${name}"]`
const click = (name) => (page) => page.locator(id(name)).first().click()
const press = (keys) => (page) => page.keyboard.press(keys)
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
  'settings-about': ['main', settings('about')],
  tooltip: [
    'main',
    openRoom,
    (page) => page.locator(id('call-video')).hover(),
    (page) => page.waitForTimeout(700),
  ],
}

const sizes = { wide: { width: 1280, height: 800 }, narrow: { width: 420, height: 800 } }
const themes = ['light', 'dark']
const languages = ['en', 'zh-CN']

const quick = process.argv.includes('--quick')
const wanted = process.argv.slice(2).filter((argument) => argument !== '--quick')
const chosen = Object.entries(pictures).filter(([name]) => wanted.length === 0 || wanted.includes(name))
if (chosen.length === 0) throw new Error(`no such picture; there are ${Object.keys(pictures).join(', ')}`)

await build({
  root,
  mode: 'screenshots',
  logLevel: 'warn',
  build: { outDir: '.fake-dist', emptyOutDir: true },
})
const server = await preview({
  root,
  mode: 'screenshots',
  logLevel: 'warn',
  build: { outDir: '.fake-dist' },
  preview: { port: 4199, strictPort: true, headers: { 'Content-Security-Policy': "default-src 'self'" } },
})
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
})

if (wanted.length === 0) rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
const complaints = []

for (const [name, [scene, ...steps]] of chosen) {
  for (const [size, viewport] of Object.entries(sizes)) {
    for (const theme of themes) {
      for (const language of languages) {
        if (quick && (size === 'wide') !== (theme === 'light' && language === 'en')) continue
        if (quick && (size === 'narrow') !== (theme === 'dark' && language === 'zh-CN')) continue
        const where = `${name}-${size}-${theme}-${language}`
        // Accessibility tools are injected, which the page's policy would refuse; the policy itself is tested by the page before that.
        const context = await browser.newContext({
          viewport,
          colorScheme: theme,
          locale: language,
          bypassCSP: false,
        })
        const page = await context.newPage()
        page.on('console', (message) => {
          if (message.type() === 'error') complaints.push(`${where}: ${message.text()}`)
        })
        page.on('pageerror', (error) => complaints.push(`${where}: ${error.message}`))
        try {
          await page.goto(`http://localhost:4199/?scene=${scene}&theme=${theme}&language=${language}`)
          await page.locator('#app > *').first().waitFor()
          await page.waitForTimeout(350)
          for (const step of steps) await step(page)
          await page.waitForTimeout(350)
          await page.screenshot({ path: `${out}/${where}.png` })
          await page.evaluate(`(() => { ${axe} })()`)
          const result = await page.evaluate(() =>
            window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }),
          )
          for (const violation of result.violations) {
            const targets = violation.nodes.map((node) => node.target.join(' ')).slice(0, 4)
            complaints.push(`${where}: ${violation.id}: ${violation.help} (${targets.join(' | ')})`)
          }
          const clipped = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth)
          if (clipped) complaints.push(`${where}: wider than its window`)
        } catch (error) {
          complaints.push(`${where}: ${error.message.split('\n')[0]}`)
          await page.screenshot({ path: `${out}/${where}.png` }).catch(() => {})
        }
        await context.close()
      }
    }
  }
  process.stdout.write(`${name}\n`)
}

await browser.close()
await server.close()
rmSync(`${root}.fake-dist`, { recursive: true, force: true })
if (complaints.length > 0) {
  process.stdout.write(`\n${complaints.join('\n')}\n`)
  process.exitCode = 1
}
