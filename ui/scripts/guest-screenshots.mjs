// Pictures of every screen of the guest's page, in every size, theme and language, taken with Chromium under the policy that the server
// gives it; and an accessibility check of each (axe-core). Fails on anything that the page complains of.
//   npm run screenshots:guest [-- scene …]      pictures go to ui/screenshots/guest/ (not in git)
//   --quick                                     wide, light, English and narrow, dark, Chinese only
//   CHROMIUM=/path/to/chromium                  where the browser is, if not at /usr/bin/chromium

import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { build, preview } from 'vite'

const root = fileURLToPath(new URL('..', import.meta.url))
const out = `${root}screenshots/guest`
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const id = (name) => `[data-testid="${name}"]`
const click = (name) => (page) => page.locator(id(name)).first().click()
const enter = async (page) => {
  await page.locator(id('guest-name')).fill('Mira Lindqvist')
  await page.locator(id('guest-knock')).click()
}
const pictures = (page) =>
  page.waitForFunction(() => [...document.querySelectorAll('video')].every((video) => video.videoWidth > 0))
const say = async (page) => {
  await click('call-chat')(page)
  await page.locator(id('chat-text')).fill('Good morning! I like the pond where it is.')
  await page.keyboard.press('Enter')
}

/** name → [scene, what to do before the picture] */
const all = {
  lobby: ['lobby', pictures, (page) => page.locator(id('guest-name')).fill('Mira Lindqvist')],
  'lobby-empty-name': ['lobby', pictures, click('guest-knock')],
  'lobby-camera-off': ['lobby', pictures, click('lobby-camera')],
  'lobby-open': ['lobby-open', pictures],
  'lobby-denied': ['denied'],
  'lobby-busy': ['busy'],
  'lobby-no-devices': ['no-devices'],
  'no-link': ['no-link'],
  expired: ['expired'],
  offline: ['offline'],
  insecure: ['insecure'],
  unsupported: ['unsupported'],
  waiting: ['waiting', enter],
  alone: ['alone', enter, pictures],
  call: ['call', enter, pictures],
  'call-muted': ['call', enter, pictures, click('call-microphone'), click('call-camera')],
  'call-three': ['call-three', enter, pictures],
  'call-audio': ['call-audio', enter, pictures],
  'call-devices': ['call', enter, pictures, click('call-devices')],
  reconnecting: ['reconnecting', enter, pictures],
  away: ['away', enter, pictures],
  unread: ['chat', enter, pictures],
  chat: ['chat', enter, pictures, say],
  refused: ['refused', enter],
  removed: ['removed', enter],
  'call-over': ['call_over', enter],
  'link-over': ['link_over', enter],
  lost: ['lost', enter],
  left: ['call', enter, pictures, click('call-leave')],
}

const sizes = { wide: { width: 1280, height: 800 }, narrow: { width: 420, height: 800 } }
const quick = process.argv.includes('--quick')
const wanted = process.argv.slice(2).filter((argument) => argument !== '--quick')
const chosen = Object.entries(all).filter(([name]) => wanted.length === 0 || wanted.includes(name))
if (chosen.length === 0) throw new Error(`no such picture; there are ${Object.keys(all).join(', ')}`)

const settings = {
  root,
  configFile: `${root}vite.guest.config.ts`,
  mode: 'screenshots',
  logLevel: 'warn',
  build: { outDir: '.fake-guest', emptyOutDir: true },
}
await build(settings)
const server = await preview({
  ...settings,
  preview: { port: 4198, strictPort: true, headers: { 'Content-Security-Policy': "default-src 'self'" } },
})
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'],
})
if (wanted.length === 0) rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
const complaints = []

async function take(name, [scene, ...steps], size, theme, language) {
  const where = `${name}-${size}-${theme}-${language}`
  const context = await browser.newContext({ viewport: sizes[size], colorScheme: theme, locale: language })
  const page = await context.newPage()
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${where}: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`${where}: ${error.message}`))
  try {
    await page.goto(`http://localhost:4198/join/guest.html?scene=${scene}`)
    await page.locator('#app > *').first().waitFor()
    await page.waitForTimeout(350)
    for (const step of steps) await step(page)
    await page.waitForTimeout(450)
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

for (const [name, picture] of chosen) {
  for (const size of Object.keys(sizes))
    for (const theme of ['light', 'dark'])
      for (const language of ['en', 'zh-CN']) {
        const usual =
          size === 'wide' ? theme === 'light' && language === 'en' : theme === 'dark' && language === 'zh-CN'
        if (!quick || usual) await take(name, picture, size, theme, language)
      }
  process.stdout.write(`${name}\n`)
}

await browser.close()
await server.close()
rmSync(`${root}.fake-guest`, { recursive: true, force: true })
if (complaints.length > 0) {
  process.stdout.write(`\n${complaints.join('\n')}\n`)
  process.exitCode = 1
}
