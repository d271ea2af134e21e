// Taking pictures of every screen, in every size, theme and language, with Chromium under the page's own content policy; and an
// accessibility check of each (axe-core). What is seen, and how one gets there, is told by screenshots.mjs and guest-screenshots.mjs.

import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { build, preview } from 'vite'

const root = fileURLToPath(new URL('..', import.meta.url))
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']

const sizes = { wide: { width: 1280, height: 800 }, narrow: { width: 420, height: 800 } }
const themes = ['light', 'dark']
const languages = ['en', 'zh-CN']
/** Size, theme and language of those that are taken with --quick. */
const quickOnes = ['wide-light-en', 'narrow-dark-zh-CN']

/** Each way in which one scene is shown. */
const looks = Object.entries(sizes).flatMap(([size, viewport]) =>
  themes.flatMap((theme) =>
    languages.map((language) => ({ name: `${size}-${theme}-${language}`, viewport, theme, language })),
  ),
)

/** Finds an element by its `data-testid`. */
export const id = (name) => `[data-testid="${name}"]`
/** A step: the first element of that name is clicked. */
export const click = (name) => (page) => page.locator(id(name)).first().click()
/** A step: keys are pressed, as Playwright names them. */
export const press = (keys) => (page) => page.keyboard.press(keys)

/**
 * Takes the pictures that the command line names, or all; fails on anything that a page complains of.
 *
 * @param what.pictures  name → [scene, ...what to do before the picture]
 * @param what.folder    of ui/screenshots/ (not in git), where they go
 * @param what.config    Vite's, for the page
 * @param what.built     folder in which the page is built with its fake, and from which it is served; taken away at the end
 * @param what.port      where it is served
 * @param what.address   path of the page showing a scene in a theme and a language
 */
export async function takePictures({ pictures, folder, config, built, port, address }) {
  const quick = process.argv.includes('--quick')
  const wanted = process.argv.slice(2).filter((argument) => argument !== '--quick')
  const chosen = Object.entries(pictures).filter(([name]) => wanted.length === 0 || wanted.includes(name))
  if (chosen.length === 0) throw new Error(`no such picture; there are ${Object.keys(pictures).join(', ')}`)

  const settings = {
    root,
    configFile: `${root}${config}`,
    mode: 'screenshots',
    logLevel: 'warn',
    build: { outDir: built, emptyOutDir: true },
  }
  await build(settings)
  const server = await preview({
    ...settings,
    preview: { port, strictPort: true, headers: { 'Content-Security-Policy': "default-src 'self'" } },
  })
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'],
  })

  const out = `${root}screenshots/${folder}`
  if (wanted.length === 0) rmSync(out, { recursive: true, force: true })
  mkdirSync(out, { recursive: true })
  const complaints = []
  for (const [name, picture] of chosen) {
    for (const look of looks) {
      if (quick && !quickOnes.includes(look.name)) continue
      const where = `${name}-${look.name}`
      const from = (scene) => `http://localhost:${port}${address({ scene, ...look })}`
      for (const complaint of await take(browser, from, picture, look, `${out}/${where}.png`))
        complaints.push(`${where}: ${complaint}`)
    }
    process.stdout.write(`${name}\n`)
  }

  await browser.close()
  await server.close()
  rmSync(`${root}${built}`, { recursive: true, force: true })
  if (complaints.length > 0) {
    process.stdout.write(`\n${complaints.join('\n')}\n`)
    process.exitCode = 1
  }
}

/** Takes one picture and gives what is to complain of. */
async function take(browser, from, [scene, ...steps], { viewport, theme, language }, path) {
  const complaints = []
  const context = await browser.newContext({ viewport, colorScheme: theme, locale: language })
  const page = await context.newPage()
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  try {
    await page.goto(from(scene))
    await page.locator('#app > *').first().waitFor()
    await page.waitForTimeout(350)
    for (const step of steps) await step(page)
    await page.waitForTimeout(450)
    await page.screenshot({ path })
    await page.evaluate(`(() => { ${axe} })()`)
    const { violations } = await page.evaluate((runOnly) => window.axe.run(document, { runOnly }), rules)
    for (const { id: rule, help, nodes } of violations) {
      const targets = nodes.map((node) => node.target.join(' ')).slice(0, 4)
      complaints.push(`${rule}: ${help} (${targets.join(' | ')})`)
    }
    const clipped = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth)
    if (clipped) complaints.push('wider than its window')
  } catch (error) {
    complaints.push(error.message.split('\n')[0])
    await page.screenshot({ path }).catch(() => {})
  }
  await context.close()
  return complaints
}
