import { fireEvent } from '@solidjs/testing-library'
import { describe, expect, test, vi } from 'vitest'
import { isPressed, shortcuts } from '../src/keyboard/shortcuts'
import { ids } from '../src/testids'
import { all, find, query, screen, show, waitFor } from './screen'

describe('the keyboard', () => {
  test('Ctrl+K goes to a room by a few letters, and the focus is in the composer after', async () => {
    const { user } = show('main')
    await find(ids.composer)
    await user.keyboard('{Control>}k{/Control}')
    await user.type(await find(ids.switcherInput), 'gard')
    expect(all(ids.switcherOption)).toHaveLength(1)
    await user.keyboard('{Enter}')
    await waitFor(() => expect(query(ids.roomTitle)?.textContent).toBe('Garden plans'))
    await waitFor(() => expect(query(ids.switcher)).toBeNull())
    await waitFor(() => expect(document.activeElement === query(ids.composer)).toBe(true))
  })

  test('in the switcher arrows choose, round and round', async () => {
    const { user } = show('main')
    await find(ids.composer)
    await user.keyboard('{Control>}k{/Control}')
    await find(ids.switcherInput)
    const chosen = () =>
      all(ids.switcherOption).findIndex((option) => option.getAttribute('aria-selected') === 'true')
    await user.keyboard('{ArrowDown}')
    expect(chosen()).toBe(1)
    await user.keyboard('{ArrowUp}{ArrowUp}')
    expect(chosen()).toBe(all(ids.switcherOption).length - 1)
  })

  test('in a call Ctrl+D mutes, Ctrl+E turns the camera off, Ctrl+Shift+H hangs up, wherever one is', async () => {
    const { fake, user } = show('call')
    await find(ids.stage)
    await user.keyboard('{Control>},{/Control}')
    await find(ids.settings)
    await user.keyboard('{Control>}d{/Control}')
    await waitFor(() => expect(fake.world.call?.own.microphone).toBe(false))
    await user.keyboard('{Control>}e{/Control}')
    await waitFor(() => expect(fake.world.call?.own.camera).toBe(false))
    await user.keyboard('{Control>}{Shift>}H{/Shift}{/Control}')
    await waitFor(() => expect(query(ids.stage)?.dataset.phase).toBe('ended'))
  })

  test('Ctrl+Enter calls the room, and answers whoever rings', async () => {
    const { fake, user } = show('main')
    const ring = vi.spyOn(fake, 'ring')
    await find(ids.composer)
    await user.keyboard('{Control>}{Enter}{/Control}')
    expect(ring).toHaveBeenCalledWith('r-living', true)
    await waitFor(() => expect(query(ids.stage)).toBeTruthy())
    fake.world.clearCall()
    fake.world.startCall('d-jonas', 'incoming', false, 'Jonas Weber')
    await find(ids.incoming)
    const accept = vi.spyOn(fake, 'accept')
    await user.keyboard('{Control>}{Enter}{/Control}')
    expect(accept).toHaveBeenCalledWith(false)
  })

  test('? shows all shortcuts, but is a character where one writes', async () => {
    const { user } = show('main')
    const box = (await find(ids.composer)) as HTMLTextAreaElement
    await user.type(box, '?')
    expect(box.value).toBe('?')
    expect(query(ids.shortcuts)).toBeNull()
    box.blur()
    await user.keyboard('?')
    const sheet = await find(ids.shortcuts)
    for (const words of ['Microphone on or off', 'Go to a room or a person', 'Call, or answer']) {
      expect(sheet.textContent).toContain(words)
    }
  })

  test('Escape closes the top thing only: sheet, then panel, then back to writing', async () => {
    const { user } = show('main')
    await find(ids.composer)
    await user.keyboard('{Control>}p{/Control}')
    await find(ids.peoplePanel)
    await user.keyboard('{Control>}n{/Control}')
    await find(ids.newRoomName)
    await user.keyboard('{Escape}')
    await waitFor(() => expect(query(ids.newRoomName)).toBeNull())
    expect(query(ids.peoplePanel)).toBeTruthy()
    await user.keyboard('{Escape}')
    expect(query(ids.peoplePanel)).toBeNull()
    all(ids.roomRow)[1]?.focus()
    await user.keyboard('{Escape}')
    expect(document.activeElement).toBe(query(ids.composer))
  })

  test('closing a sheet gives the focus back to what opened it', async () => {
    const { user } = show('main')
    await waitFor(() => expect(document.activeElement).toBe(query(ids.composer)))
    const button = await find(ids.settingsOpen)
    button.focus()
    await user.keyboard('{Enter}')
    await find(ids.settings)
    await waitFor(() =>
      expect(document.activeElement?.closest(`[data-testid="${ids.settings}"]`)).toBeTruthy(),
    )
    await user.keyboard('{Escape}')
    await waitFor(() => expect(query(ids.settings)).toBeNull())
    await waitFor(() => expect(document.activeElement).toBe(button))
  })

  test('Alt and arrows walk through the rooms, round and round', async () => {
    const { user } = show('main')
    await find(ids.composer)
    const title = () => query(ids.roomTitle)?.textContent
    await waitFor(() => expect(title()).toBe('Living room'))
    const seen = [title()]
    for (let step = 0; step < 5; step += 1) {
      await user.keyboard('{Alt>}{ArrowDown}{/Alt}')
      seen.push(title())
    }
    expect(new Set(seen).size).toBe(5)
    expect(seen.at(-1)).toBe('Living room')
    await user.keyboard('{Alt>}{ArrowUp}{/Alt}')
    expect(title()).toBe(seen.at(-2))
  })

  test('messages are one stop of the tab key; arrows move among them', async () => {
    const { user } = show('main')
    const box = await find(ids.composer)
    await waitFor(() => expect(all(ids.message).length).toBeGreaterThan(3))
    expect(document.querySelectorAll('.row[tabindex="0"]')).toHaveLength(1)
    box.focus()
    await user.keyboard('{ArrowUp}')
    const rows = all(ids.message)
    expect(document.activeElement).toBe(rows.at(-1))
    await user.keyboard('{ArrowUp}')
    await waitFor(() => expect(document.activeElement).toBe(rows.at(-2)))
    expect(document.querySelectorAll('.row[tabindex="0"]')).toHaveLength(1)
  })

  test('a line between panes moves with the arrows', async () => {
    const { user } = show('main')
    const line = await screen.findByLabelText('Width of the list of rooms')
    await waitFor(() => expect(document.activeElement).toBe(query(ids.composer)))
    const before = Number(line.getAttribute('aria-valuenow'))
    line.focus()
    await user.keyboard('{ArrowRight}')
    expect(Number(line.getAttribute('aria-valuenow'))).toBe(before + 16)
    await user.keyboard('{Home}{ArrowLeft}')
    expect(line.getAttribute('aria-valuenow')).toBe(line.getAttribute('aria-valuemin'))
  })

  test('no shortcut is taken twice, and each has its own modifiers', () => {
    const keys = shortcuts.map((shortcut) => shortcut.keys.toLowerCase())
    expect(new Set(keys).size).toBe(keys.length)
    const press = (init: KeyboardEventInit) => new KeyboardEvent('keydown', init)
    expect(isPressed('Control+k', press({ key: 'k', ctrlKey: true }))).toBe(true)
    expect(isPressed('Control+k', press({ key: 'k', metaKey: true }))).toBe(true)
    expect(isPressed('Control+k', press({ key: 'k' }))).toBe(false)
    expect(isPressed('Control+k', press({ key: 'k', ctrlKey: true, altKey: true }))).toBe(false)
    expect(isPressed('Control+d', press({ key: 'D', ctrlKey: true, shiftKey: true }))).toBe(false)
    expect(isPressed('?', press({ key: '?', shiftKey: true }))).toBe(true)
  })

  test('a key that is held down repeats nothing', async () => {
    const { fake } = show('call')
    await find(ids.stage)
    const microphone = vi.spyOn(fake, 'setMicrophone')
    fireEvent.keyDown(window, { key: 'd', ctrlKey: true })
    fireEvent.keyDown(window, { key: 'd', ctrlKey: true, repeat: true })
    expect(microphone).toHaveBeenCalledTimes(1)
  })
})
