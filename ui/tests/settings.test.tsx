import axe from 'axe-core'
import { describe, expect, test, vi } from 'vitest'
import { ids } from '../src/testids'
import { find, query, screen, show, waitFor } from './screen'

async function open(scene: string, section: string, change?: Parameters<typeof show>[1]) {
  const shown = show(scene, change)
  await find(ids.composer)
  await shown.user.click(await find(ids.settingsOpen))
  await shown.user.click(await find(section))
  return shown
}

describe('settings', () => {
  test('a changed name is saved and shown everywhere', async () => {
    const { fake, user } = await open('main', ids.settingsProfile)
    const name = await find(ids.profileName)
    await user.clear(name)
    await user.type(name, 'Mira L.')
    await user.click(await find(ids.profileSave))
    await waitFor(() => expect(fake.world.account?.display_name).toBe('Mira L.'))
    await waitFor(() => expect(query(ids.profileSave)?.textContent).toBe('Saved'))
    expect(query(ids.rail)?.textContent).toContain('Mira L.')
  })

  test('devices: the preview runs while they are looked at, and stops', async () => {
    const started = vi.fn(() => Promise.resolve())
    const stopped = vi.fn(() => Promise.resolve())
    let hear: (level: number) => void = () => {}
    const { user } = await open('main', ids.settingsDevices, (fake) => {
      fake.startPreview = started
      fake.stopPreview = stopped
      fake.onLevel = (listener) => {
        hear = listener
        return () => {}
      }
    })
    const level = await find(ids.level)
    expect(started).toHaveBeenCalledTimes(1)
    hear(0.5)
    expect(level.getAttribute('aria-valuenow')).toBe('50')
    hear(7)
    expect(level.getAttribute('aria-valuenow')).toBe('100')
    await user.keyboard('{Escape}')
    await waitFor(() => expect(stopped).toHaveBeenCalledTimes(1))
  })

  test('a tooltip that was about to open does not take the Escape of the sheet that its button opened', async () => {
    const { user } = show('main')
    await find(ids.composer)
    const button = await find(ids.settingsOpen)
    await user.hover(button)
    await waitFor(() => expect(document.querySelector('.tooltip')).toBeTruthy())
    await user.click(button)
    await find(ids.settings)
    expect(document.querySelector('.tooltip')).toBeNull()
    await user.keyboard('{Escape}')
    await waitFor(() => expect(query(ids.settings)).toBeNull())
  })

  test('a camera that is busy is said in words; choosing another tries again', async () => {
    let busy = true
    await open('main', ids.settingsDevices, (fake) => {
      fake.startPreview = () =>
        busy ? Promise.reject({ code: 'camera_busy', detail: 'EBUSY' }) : Promise.resolve()
    })
    await screen.findByText(/Your camera is used by another program/)
    busy = false
  })

  test('a device that the interface words is worded', async () => {
    const { fake } = await open('main', ids.settingsDevices)
    expect((await find(ids.microphoneSelect)).textContent).toContain('Like the system')
    fake.world.devices = { ...fake.world.devices, camera: 'pattern' }
    await waitFor(() => expect(query(ids.cameraSelect)?.textContent).toContain('Test picture'), {
      timeout: 4_000,
    })
  })

  test('no devices at all is a sentence each', async () => {
    await open('no-devices', ids.settingsDevices)
    await screen.findByText('No microphone was found.')
    await screen.findByText('No speaker was found.')
    expect((await find(ids.testSpeaker)).hasAttribute('disabled')).toBe(true)
  })

  test('the look and the language are kept by the app and followed at once', async () => {
    const { fake, user } = await open('main', ids.settingsAppearance)
    await user.click(screen.getByText('Dark'))
    await waitFor(() => expect(document.documentElement.dataset.theme).toBe('dark'))
    expect(fake.world.preferences.theme).toBe('dark')
    await user.click(screen.getByText('Light'))
    await waitFor(() => expect(document.documentElement.dataset.theme).toBe('light'))
  })

  test('quiet is the switch turned off', async () => {
    const { fake, user } = await open('main', ids.settingsNotifications)
    await user.click(await find(ids.notifySwitch))
    await waitFor(() => expect(fake.world.preferences.quiet).toBe(true))
  })

  test('the network address is hidden when the person wants that', async () => {
    const { fake, user } = await open('main', ids.settingsPrivacy)
    await user.click(await find(ids.relayOnlySwitch))
    await waitFor(() => expect(fake.world.preferences.relay_only).toBe(true))
  })

  test('signing out asks once and leads to the first start', async () => {
    const { user } = await open('main', ids.settingsProfile)
    await user.click(await find(ids.signOut))
    await user.click(await find(ids.confirm))
    await find(ids.startHost)
  })
})

describe('what is told without being asked for', () => {
  test('an announcement stays until it is read; the same problem is told once', async () => {
    const { fake, user } = show('main')
    await find(ids.composer)
    fake.world.tell({ type: 'announcement', text: 'Moving on Sunday.\nBack at noon.' })
    await screen.findByText(/Moving on Sunday/)
    const problem = { code: 'speaker_gone', detail: 'x' }
    fake.world.tell({ type: 'problem', problem })
    fake.world.tell({ type: 'problem', problem })
    await waitFor(() => expect(screen.getAllByTestId(ids.toast)).toHaveLength(2))
    await user.click(screen.getAllByTestId(ids.toastAction)[0] as HTMLElement)
    await waitFor(() => expect(screen.queryByText(/Moving on Sunday/)).toBeNull())
  })

  test('a code of a newer app reads as unknown and is not empty', async () => {
    const { fake } = show('main')
    await find(ids.composer)
    fake.world.tell({ type: 'problem', problem: { code: '__proto__', detail: '' } })
    expect((await find(ids.toast)).textContent).toContain('does not know')
  })
})

describe('accessibility', () => {
  // Colours and sizes need a real browser: scripts/screenshots.mjs checks those.
  test.each(['start', 'main', 'notices', 'call-three', 'incoming', 'key-changed', 'empty'])(
    '%s has no known faults',
    async (scene) => {
      show(scene)
      await waitFor(() => expect(document.querySelector('button')).toBeTruthy())
      await new Promise((resolve) => setTimeout(resolve, 50))
      const { violations } = await axe.run(document.body, {
        rules: { 'color-contrast': { enabled: false }, region: { enabled: false } },
      })
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([])
    },
  )
})
