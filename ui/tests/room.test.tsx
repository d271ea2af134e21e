import { fireEvent } from '@solidjs/testing-library'
import { describe, expect, test, vi } from 'vitest'
import { jonas } from '../src/backend/fake/people'
import { matches, railLists } from '../src/rooms/lists'
import { ids } from '../src/testids'
import { all, find, query, screen, show, waitFor } from './screen'

const texts = () => all(ids.messageText).map((element) => element.textContent)

describe('the rail', () => {
  test('shows rooms, people, unread counts and invitations; a click opens a room and its count goes', async () => {
    const { user } = show('main')
    await waitFor(() => expect(all(ids.roomRow).length).toBe(5))
    expect(all(ids.unread).map((element) => element.textContent)).toEqual(['3', '@1'])
    expect(screen.getByText('The boat')).toBeTruthy()
    await user.click(screen.getByText('Garden plans'))
    await waitFor(() => expect(query(ids.roomTitle)?.textContent).toBe('Garden plans'))
    await waitFor(() => expect(all(ids.unread).map((element) => element.textContent)).toEqual(['@1']))
  })

  test('an invitation that is accepted becomes a room, one that is declined is gone', async () => {
    const { user } = show('main')
    await user.click(await find(ids.roomAccept))
    await waitFor(() => expect(query(ids.roomTitle)?.textContent).toBe('The boat'))
    expect(query(ids.roomAccept)).toBeNull()
  })

  test('is one stop of the tab key; arrows move in it', async () => {
    const { user } = show('main')
    await waitFor(() => expect(all(ids.personRow).length).toBe(2))
    await waitFor(() => expect(document.activeElement).toBe(query(ids.composer)))
    const rows = [...all(ids.roomRow), ...all(ids.personRow)]
    expect(rows.filter((row) => row.tabIndex === 0)).toHaveLength(1)
    rows[0]?.focus()
    await user.keyboard('{ArrowDown}{ArrowDown}')
    expect(document.activeElement).toBe(rows[2])
    await user.keyboard('{End}')
    expect(document.activeElement).toBe(rows.at(-1))
    await user.keyboard('{Home}{ArrowUp}')
    expect(document.activeElement).toBe(rows[0])
  })

  test('somebody one has not written with yet: a click opens the direct room', async () => {
    const { user } = show('main')
    await waitFor(() => expect(all(ids.personRow).length).toBe(2))
    await user.click(screen.getByText('Tomasz'))
    await waitFor(() => expect(query(ids.roomTitle)?.textContent).toBe('Tomasz'))
  })

  test('an empty space says what to do', async () => {
    const { user } = show('empty')
    await screen.findByText('Nobody else is here yet.')
    await screen.findByText('Nobody has said anything yet. Be the first.')
    expect((await find(ids.callVideo)).getAttribute('aria-disabled')).toBe('true')
    await user.click(screen.getAllByText('Invite people')[0] as HTMLElement)
    await waitFor(() => expect((query(ids.inviteLink) as HTMLInputElement | null)?.value).toMatch(/^snug:/))
  })

  test('lists leave out oneself and those one writes with, and put who is there first', () => {
    const person = (id: string, available: boolean) => ({ id, username: id, name: id, available })
    const lists = railLists(
      [],
      [person('me', true), person('b', false), person('c', true), person('a', false)],
      'me',
    )
    expect(lists.others.map(({ id }) => id)).toEqual(['c', 'a', 'b'])
  })

  test.each([
    ['Garden plans', 'gar', true],
    ['Garden plans', 'plans gar', true],
    ['Zoë', 'zoe', true],
    ['读书会', '书', true],
    ['Garden plans', 'x', false],
    ['Garden plans', '  ', true],
  ])('%s is found by “%s”: %s', (name, text, found) => expect(matches(name, text)).toBe(found))
})

describe('messages', () => {
  test('Enter sends: the echo is there at once, then it is sent', async () => {
    const { user } = show('main')
    const box = await find(ids.composer)
    await user.type(box, 'Hello there{Enter}')
    await waitFor(() => expect(texts()).toContain('Hello there'))
    const row = () => all(ids.message).find((element) => element.textContent?.includes('Hello there'))
    expect(row()?.dataset.delivery).toBe('sending')
    expect((box as HTMLTextAreaElement).value).toBe('')
    await waitFor(() => expect(row()?.dataset.delivery).toBe('sent'))
    expect(all(ids.message).filter((element) => element.textContent?.includes('Hello there'))).toHaveLength(1)
  })

  test('Shift+Enter begins a line, and an input method’s Enter sends nothing', async () => {
    const { fake, user } = show('main')
    const send = vi.spyOn(fake, 'send')
    const box = (await find(ids.composer)) as HTMLTextAreaElement
    await user.type(box, 'one{Shift>}{Enter}{/Shift}two')
    expect(box.value).toBe('one\ntwo')
    fireEvent.keyDown(box, { key: 'Enter', isComposing: true })
    fireEvent.keyDown(box, { key: 'Enter', keyCode: 229 })
    expect(send).not.toHaveBeenCalled()
    await user.keyboard('{Enter}')
    expect(send).toHaveBeenCalledWith('r-living', 'one\ntwo')
  })

  test('white space is not sent', async () => {
    const { fake, user } = show('main')
    const send = vi.spyOn(fake, 'send')
    await user.type(await find(ids.composer), '   {Enter}')
    expect(send).not.toHaveBeenCalled()
  })

  test('what could not be stored comes back into the composer and says why', async () => {
    const { user } = show('main', (fake) => {
      fake.send = () => Promise.reject({ code: 'disk_full', detail: 'ENOSPC' })
    })
    const box = (await find(ids.composer)) as HTMLTextAreaElement
    await user.type(box, 'precious words{Enter}')
    expect((await find(ids.toast)).dataset.code).toBe('disk_full')
    expect(box.value).toBe('precious words')
  })

  test('what is begun in a room waits there', async () => {
    const { user } = show('main')
    const box = (await find(ids.composer)) as HTMLTextAreaElement
    await user.type(box, 'half a thought')
    await user.click(screen.getByText('Garden plans'))
    await waitFor(() => expect(box.value).toBe(''))
    await user.click(screen.getByText('Living room'))
    await waitFor(() => expect(box.value).toBe('half a thought'))
  })

  test('markup is words', async () => {
    const { user } = show('main')
    await user.type(await find(ids.composer), '<img src=x onerror=alert(1)>{Enter}')
    await waitFor(() => expect(texts()).toContain('<img src=x onerror=alert(1)>'))
    expect(document.querySelector('img[src="x"]')).toBeNull()
  })

  test('a failed message says why and can be sent again or discarded, which asks once', async () => {
    const { user } = show('failed')
    const failed = () => all(ids.message).filter((row) => row.dataset.delivery === 'failed')
    await waitFor(() => expect(failed()).toHaveLength(1))
    expect(failed()[0]?.textContent).toContain('Not sent.')
    await user.click(await find(ids.retry))
    await waitFor(() => expect(failed()).toHaveLength(0))
    await waitFor(() => expect(texts()).toContain('Tonight at eight works for me!'))
  })

  test('discarding asks once', async () => {
    const { user } = show('failed')
    await user.click(await find(ids.discard))
    await user.click(await find(ids.confirm))
    await waitFor(() => expect(texts()).not.toContain('Tonight at eight works for me!'))
  })

  test('the new line stands before what was not read, and stays while one reads', async () => {
    const { fake } = show('main')
    const line = await find(ids.newLine)
    fake.world.says('r-living', jonas, 'One more thing', true)
    await waitFor(() => expect(texts()).toContain('One more thing'))
    expect(query(ids.newLine)).toBe(line)
  })

  test('what comes while one looks is not new; what came while one was away is', async () => {
    const { fake, user } = show('main')
    await user.click(await screen.findByText('读书会'))
    await waitFor(() => expect(texts().length).toBe(2))
    fake.world.says('r-books', jonas, 'I see this come', true)
    await waitFor(() => expect(texts()).toContain('I see this come'))
    expect(query(ids.newLine)).toBeNull()
    window.dispatchEvent(new Event('blur'))
    fake.world.says('r-books', jonas, 'I do not', false)
    await waitFor(() => expect(texts()).toContain('I do not'))
    const line = await find(ids.newLine)
    const after = all(ids.message).filter(
      (row) => line.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_FOLLOWING,
    )
    expect(after.map((row) => row.textContent?.includes('I do not'))).toEqual([true])
    window.dispatchEvent(new Event('focus'))
    expect(query(ids.newLine)).toBeTruthy()
  })

  test('who types is told, and no longer when they stop', async () => {
    const { fake } = show('main')
    await find(ids.composer)
    fake.world.tell({ type: 'typing', room: 'r-living', names: ['李华'] })
    expect((await find(ids.typing)).textContent).toBe('李华 is typing')
    fake.world.tell({ type: 'typing', room: 'r-living', names: ['a', 'b', 'c'] })
    expect(query(ids.typing)?.textContent).toBe('Several people are typing')
    fake.world.tell({ type: 'typing', room: 'r-living', names: [] })
    expect(query(ids.typing)?.textContent).toBe('')
  })

  test('writing is told when it begins and when it ends', async () => {
    const { fake, user } = show('main')
    const typing = vi.spyOn(fake, 'typing')
    const box = await find(ids.composer)
    await user.type(box, 'hello')
    expect(typing.mock.calls).toEqual([['r-living', true]])
    await user.clear(box)
    expect(typing.mock.calls).toEqual([
      ['r-living', true],
      ['r-living', false],
    ])
  })

  test('a timeline that cannot be read says so and can be read again', async () => {
    let broken = true
    const { user } = show('main', (fake) => {
      const timeline = fake.timeline
      fake.timeline = (...asked) =>
        broken ? Promise.reject({ code: 'store_damaged', detail: '' }) : timeline(...asked)
    })
    await screen.findByText(/could not be read/)
    broken = false
    await user.click(screen.getByText('Try again'))
    await waitFor(() => expect(texts().length).toBeGreaterThan(0))
  })

  test('what happened beside talk is worded', async () => {
    show('notices')
    await screen.findByText('Mira invited Tomasz')
    await screen.findByText('Tomasz joined')
    await screen.findByText('Deleted')
    await screen.findByText('A newer version of Snug can show this.')
    await screen.findByText(/Video call · Jonas Weber · missed/)
    await screen.findByText(/Call · 1:12:15/)
  })

  test('earlier messages are fetched until there are none', async () => {
    const { fake, user } = show('long')
    const timeline = vi.spyOn(fake, 'timeline')
    const button = await find(ids.loadEarlier)
    timeline.mockClear()
    await user.click(button)
    await waitFor(() => expect(timeline.mock.calls[0]?.[1]).toEqual(expect.any(Number)))
  })

  test('what is seen is marked as read, but not while the window is behind others', async () => {
    const { fake } = show('main', ({ world }) => {
      world.room('r-living').unread = 2
    })
    const markRead = vi.spyOn(fake, 'markRead')
    await waitFor(() => expect(markRead).toHaveBeenCalledTimes(1))
    window.dispatchEvent(new Event('blur'))
    fake.world.says('r-living', jonas, 'Anybody there?', false)
    await waitFor(() => expect(texts()).toContain('Anybody there?'))
    expect(markRead).toHaveBeenCalledTimes(1)
    window.dispatchEvent(new Event('focus'))
    await waitFor(() => expect(markRead).toHaveBeenCalledTimes(2))
  })
})

describe('rooms', () => {
  test('a room is made and shown', async () => {
    const { user } = show('main')
    await user.click(await find(ids.newRoom))
    await user.click(await find(ids.submit))
    await screen.findByText('Give the room a name.')
    await user.type(await find(ids.newRoomName), 'Attic')
    await user.click(await find(ids.submit))
    await waitFor(() => expect(query(ids.roomTitle)?.textContent).toBe('Attic'))
    expect(query(ids.newRoomName)).toBeNull()
  })

  test('leaving asks once and shows another room', async () => {
    const { user } = show('main')
    await user.click(await find(ids.roomMenu))
    await user.click(await screen.findByText('Leave the room'))
    await user.click(await find(ids.confirm))
    await waitFor(() => expect(query(ids.roomTitle)?.textContent).not.toBe('Living room'))
  })

  test('people of the room: who is there, and asking somebody in', async () => {
    const { fake, user } = show('main')
    const invite = vi.spyOn(fake, 'inviteToRoom')
    await user.click(await find(ids.roomPeople))
    expect((await find(ids.peoplePanel)).textContent).toContain('In this room · 4')
    await user.click(await find(ids.roomInviteRow))
    await user.click(await screen.findByText('Invite'))
    expect(invite).toHaveBeenCalledWith('r-living', 'u-tomasz')
    await waitFor(() =>
      expect(screen.getAllByText('Invited').some((words) => words.closest('button')?.disabled)).toBe(true),
    )
  })

  test('offline is a line and blocks nothing', async () => {
    const { user } = show('offline')
    await waitFor(() => expect(query(ids.connectionLine)?.dataset.state).toBe('offline'))
    await user.type(await find(ids.composer), 'later{Enter}')
    await waitFor(() => expect(texts()).toContain('later'))
    expect(all(ids.message).at(-1)?.dataset.delivery).toBe('sending')
  })

  test('a clicked notification shows its room, and the app knows which room is looked at', async () => {
    let open: (room: string) => void = () => {}
    const { fake } = show('main', (made) => {
      made.onOpenRoom = (listener) => {
        open = listener
        return () => {}
      }
    })
    const attention = vi.spyOn(fake, 'setAttention')
    await find(ids.composer)
    open('r-garden')
    await waitFor(() => expect(query(ids.roomTitle)?.textContent).toBe('Garden plans'))
    expect(attention).toHaveBeenLastCalledWith(true, 'r-garden')
    window.dispatchEvent(new Event('blur'))
    await waitFor(() => expect(attention).toHaveBeenLastCalledWith(false, 'r-garden'))
  })
})
