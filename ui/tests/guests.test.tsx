import { describe, expect, test, vi } from 'vitest'
import { ids } from '../src/testids'
import { all, find, query, screen, show, waitFor } from './screen'

const tile = (device: string) => all(ids.tile).find((element) => element.dataset.device === device)
const within = (element: HTMLElement | undefined, testid: string) =>
  element?.querySelector<HTMLElement>(`[data-testid="${testid}"]`)

describe('a guest at the door', () => {
  test('is let in, comes into the call and is marked as a guest', async () => {
    const { fake, user } = show('knocking')
    const admit = vi.spyOn(fake, 'admitGuest')
    const knock = await find(ids.knock).catch(() => all(ids.knock)[0] as HTMLElement)
    expect(knock?.textContent).toContain('Ana Sørensen asks to come in')
    await user.click(within(knock, ids.knockAdmit) as HTMLElement)
    expect(admit).toHaveBeenCalledWith('guest-Ana Sørensen')
    await waitFor(() => expect(tile('guest-Ana Sørensen')?.textContent).toContain('Guest'))
    expect(tile('dev-jonas')?.textContent).not.toContain('Guest')
    expect(all(ids.knock).map((element) => element.dataset.device)).toEqual(['guest-王小明'])
  })

  test('is refused, and goes', async () => {
    const { fake, user } = show('call')
    const refuse = vi.spyOn(fake, 'refuseGuest')
    await find(ids.stage)
    fake.world.knock('Ana')
    await user.click(await find(ids.knockRefuse))
    expect(refuse).toHaveBeenCalledWith('guest-Ana')
    await waitFor(() => expect(query(ids.knock)).toBeNull())
  })

  test('does not take the focus from who is writing, and more than three do not cover the call', async () => {
    const { fake, user } = show('call')
    const box = await find(ids.composer)
    await user.type(box, 'I was just')
    for (const name of ['Ana', 'Bo', 'Cem', 'Dao', 'Eva']) fake.world.knock(name)
    await waitFor(() => expect(all(ids.knock)).toHaveLength(3))
    expect(screen.getByText('and 2 more')).toBeTruthy()
    await user.keyboard(' saying')
    expect((box as HTMLTextAreaElement).value).toBe('I was just saying')
  })
})

describe('links for guests', () => {
  test('are made, copied and ended', async () => {
    const { fake, user } = show('call')
    const make = vi.spyOn(fake, 'makeGuestLink')
    const copy = vi.spyOn(fake, 'copyText')
    await user.click(await find(ids.callGuests))
    await user.click(await find(ids.guestLinkMake))
    expect(make).toHaveBeenCalledWith('knock')
    const link = await find(ids.guestLink)
    await user.click(within(link, ids.inviteCopy) as HTMLElement)
    expect(copy).toHaveBeenCalledWith(expect.stringContaining('https://lake.example/join/'))
    await user.click(within(link, ids.guestLinkRevoke) as HTMLElement)
    await waitFor(() => expect(query(ids.guestLink)).toBeNull())
    expect(fake.world.links).toEqual([])
  })

  test('may let everybody straight in', async () => {
    const { fake, user } = show('call')
    const make = vi.spyOn(fake, 'makeGuestLink')
    await user.click(await find(ids.callGuests))
    await find(ids.guestAdmission)
    await user.click(screen.getByRole('radio', { name: 'Come straight in' }))
    expect(screen.getByText(/also while none of you is here/)).toBeTruthy()
    await user.click(await find(ids.guestLinkMake))
    expect(make).toHaveBeenCalledWith('open')
  })

  test('of others can be ended and not copied', async () => {
    const { user } = show('guests')
    await user.click(await find(ids.callGuests))
    await waitFor(() => expect(all(ids.guestLink)).toHaveLength(2))
    const [, theirs] = all(ids.guestLink)
    expect(theirs?.textContent).toContain('A link made by 李华')
    expect(within(theirs, ids.inviteCopy)).toBeNull()
    expect(within(theirs, ids.guestLinkRevoke)).toBeTruthy()
  })

  test('are not offered where browsers do not trust the server; what to do is', async () => {
    const { user } = show('guests-not-yet')
    await user.click(await find(ids.callGuests))
    const words = (await find(ids.guestsNotYet)).textContent
    for (const flag of ['--tls-cert', '--tls-key', '--public-url']) expect(words).toContain(flag)
    expect(query(ids.guestLinkMake)).toBeNull()
  })

  test('a guest is removed, after a question', async () => {
    const { fake, user } = show('guests')
    const remove = vi.spyOn(fake, 'removeGuest')
    await user.click(await find(ids.callGuests))
    await user.click(await find(ids.guestRemove))
    expect(remove).not.toHaveBeenCalled()
    await user.click(await find(ids.confirm))
    expect(remove).toHaveBeenCalledWith('guest-Ana Sørensen')
    await waitFor(() => expect(tile('guest-Ana Sørensen')).toBeUndefined())
  })
})

describe('the chat of the call', () => {
  test('shows what came while it was closed as unread, and opened as seen', async () => {
    const { fake, user } = show('call')
    const open = await find(ids.callChatOpen)
    expect(open.getAttribute('aria-label')).toBe('Chat of the call')
    fake.world.writes('Ana', 'hello', { guest: true })
    fake.world.writes('Jonas Weber', 'hi')
    await waitFor(() => expect(open.getAttribute('aria-label')).toBe('Chat of the call, 2 new'))
    await user.click(open)
    const lines = all(ids.callChatLine).map((element) => element.textContent)
    expect(lines[0]).toMatch(/Ana.*Guest.*hello/)
    expect(lines[1]).not.toMatch(/Guest/)
    expect(screen.getByText(/seen by everybody in the call and are not kept/)).toBeTruthy()
    await user.keyboard('{Escape}')
    await waitFor(() => expect(query(ids.callChat)).toBeNull())
    expect(open.getAttribute('aria-label')).toBe('Chat of the call')
  })

  test('what is written is said to the call, with Enter; nothing and too much are not', async () => {
    const { fake, user } = show('call')
    const say = vi.spyOn(fake, 'sayInCall')
    await user.click(await find(ids.callChatOpen))
    const box = (await find(ids.callChatText)) as HTMLTextAreaElement
    await user.type(box, '  {Enter}')
    expect(say).not.toHaveBeenCalled()
    await user.clear(box)
    await user.type(box, 'hello{Shift>}{Enter}{/Shift}there{Enter}')
    expect(say).toHaveBeenCalledWith('hello\nthere')
    await waitFor(() => expect(all(ids.callChatLine)).toHaveLength(1))
    expect(box.value).toBe('')
    await user.click(box)
    await user.paste('x'.repeat(4_001))
    await user.keyboard('{Enter}')
    expect(say).toHaveBeenCalledTimes(1)
    expect(screen.getByRole('alert').textContent).toContain('too long')
  })

  test('what could not be said comes back into the box', async () => {
    const { user } = show('call', (fake) => {
      fake.sayInCall = () => Promise.reject({ code: 'call_failed', detail: '' })
    })
    await user.click(await find(ids.callChatOpen))
    const box = (await find(ids.callChatText)) as HTMLTextAreaElement
    await user.type(box, 'hello{Enter}')
    await waitFor(() => expect(box.value).toBe('hello'))
    await find(ids.toast)
  })

  test('ends with the call', async () => {
    const { fake, user } = show('guests')
    await user.click(await find(ids.callChatOpen))
    await waitFor(() => expect(all(ids.callChatLine)).toHaveLength(3))
    fake.world.clearCall()
    await waitFor(() => expect(query(ids.stage)).toBeNull())
    fake.world.startCall('r-living', 'connecting', true, 'Jonas Weber')
    await find(ids.stage)
    expect(query(ids.callChat)).toBeNull()
    await user.click(await find(ids.callChatOpen))
    expect(all(ids.callChatLine)).toHaveLength(0)
  })
})
