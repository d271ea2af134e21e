import { describe, expect, test, vi } from 'vitest'
import { checkAccount, suggestUsername } from '../src/start/form'
import { ids } from '../src/testids'
import { all, find, query, screen, show, waitFor } from './screen'

describe('the first start', () => {
  test('hosting: fill in, start, see the link, go in', async () => {
    const { fake, user } = show('start')
    const host = vi.spyOn(fake, 'host')
    await user.click(await find(ids.startHost))
    await user.type(await find(ids.hostSpace), 'Lake House')
    await user.type(await find(ids.accountName), 'Mira Lindqvist')
    await user.type(await find(ids.accountPassword), 'a long password')
    await user.click(await find(ids.submit))
    const link = (await find(ids.inviteLink)) as HTMLInputElement
    expect(link.value).toMatch(/^snug:\/\//)
    expect(host).toHaveBeenCalledWith('Lake House', 'Living room', {
      username: 'mira.lindqvist',
      displayName: 'Mira Lindqvist',
      password: 'a long password',
    })
    await user.click(await find(ids.enter))
    expect((await find(ids.roomTitle)).textContent).toBe('Living room')
  })

  test('hosting that fails says why, keeps what was written and can be tried again', async () => {
    const { user } = show('start', (fake) => {
      fake.host = () => Promise.reject({ code: 'disk_full', detail: 'ENOSPC' })
    })
    await user.click(await find(ids.startHost))
    await user.type(await find(ids.hostSpace), 'Lake House')
    await user.type(await find(ids.accountName), 'Mira')
    await user.type(await find(ids.accountPassword), 'a long password')
    await user.click(await find(ids.submit))
    expect((await find(ids.formError)).textContent).toBe('The disk is full. Make room, then try again.')
    expect(((await find(ids.hostSpace)) as HTMLInputElement).value).toBe('Lake House')
    expect((await find(ids.submit)).getAttribute('aria-busy')).toBeNull()
  })

  test('an incomplete form is not sent and says what is missing, where it is', async () => {
    const { fake, user } = show('start')
    const host = vi.spyOn(fake, 'host')
    await user.click(await find(ids.startHost))
    await user.click(await find(ids.submit))
    await screen.findByText('Give the space a name.')
    for (const testid of [ids.hostSpace, ids.accountName, ids.accountUsername, ids.accountPassword]) {
      const input = await find(testid)
      expect(input.getAttribute('aria-invalid'), testid).toBe('true')
      const described = document.getElementById(input.getAttribute('aria-describedby')?.split(' ')[0] ?? '')
      expect(described?.textContent, testid).not.toBe('')
    }
    expect(host).not.toHaveBeenCalled()
  })

  test('joining: the link says which space it is before anything is sent', async () => {
    const { user } = show('start')
    await user.click(await find(ids.startJoin))
    await user.type(await find(ids.joinLink), 'snug://join/x')
    expect((await find(ids.joinInfo)).textContent).toContain('Lake House')
    await user.type(await find(ids.accountName), 'Ada')
    await user.clear(await find(ids.accountUsername))
    await user.type(await find(ids.accountUsername), 'jonas')
    await user.type(await find(ids.accountPassword), 'a long password')
    await user.click(await find(ids.submit))
    expect((await find(ids.formError)).dataset.code).toBe('already_exists')
    await user.clear(await find(ids.accountUsername))
    await user.type(await find(ids.accountUsername), 'ada')
    await user.click(await find(ids.submit))
    await find(ids.main)
  })

  test('a link that is none is told at the field and not sent', async () => {
    const { fake, user } = show('start')
    const join = vi.spyOn(fake, 'join')
    await user.click(await find(ids.startJoin))
    await user.type(await find(ids.joinLink), '<script>alert(1)</script>')
    await screen.findByText(/not a link to a space/)
    await user.type(await find(ids.accountName), 'Ada')
    await user.type(await find(ids.accountPassword), 'a long password')
    await user.click(await find(ids.submit))
    expect(join).not.toHaveBeenCalled()
    expect(query(ids.joinInfo)).toBeNull()
  })

  test('signing in with a wrong password says so; Escape goes back to the three ways', async () => {
    const { user } = show('start')
    await user.click(await find(ids.startSignIn))
    await user.type(await find(ids.signInServer), 'snug.example.org')
    await user.type(await find(ids.accountUsername), 'mira')
    await user.type(await find(ids.accountPassword), 'wrong')
    await user.keyboard('{Enter}')
    expect((await find(ids.formError)).dataset.code).toBe('bad_credentials')
    await user.keyboard('{Escape}')
    await find(ids.startHost)
  })

  test('the language can be changed before anything else, and is remembered by the app', async () => {
    const { fake, user } = show('start')
    await find(ids.startHost)
    await user.click(screen.getByText('简体中文'))
    await screen.findByText('欢迎来到 Snug')
    expect(document.documentElement.lang).toBe('zh-CN')
    expect(fake.world.preferences.language).toBe('zh-CN')
  })
})

describe('what stands in the way', () => {
  test('a changed key shows nothing else until it is decided', async () => {
    const { user } = show('key-changed')
    await find(ids.keyChanged)
    expect(query(ids.main)).toBeNull()
    await user.click(await find(ids.keyTrust))
    await find(ids.main)
  })

  test('one who was signed out signs in again where they were', async () => {
    const { user } = show('signed-out')
    expect(((await find(ids.accountUsername)) as HTMLInputElement).value).toBe('mira')
    await user.type(await find(ids.accountPassword), 'right')
    await user.click(await find(ids.submit))
    await find(ids.main)
  })

  test('an app that cannot open its store says so and can be asked again', async () => {
    let damaged = true
    const { user } = show('main', (fake) => {
      const account = fake.account
      fake.account = () => (damaged ? Promise.reject({ code: 'store_damaged', detail: '' }) : account())
    })
    await screen.findByText(/damaged/)
    damaged = false
    await user.click(screen.getByText('Try again'))
    await find(ids.main)
  })

  test('a thing that was thrown and is no Problem reads as one', async () => {
    show('main', (fake) => {
      fake.account = () => Promise.reject(new TypeError('boom'))
    })
    await screen.findByText(/Something broke inside Snug/)
    await waitFor(() => expect(all(ids.main)).toHaveLength(0))
  })
})

describe('an account’s fields', () => {
  const good = { username: 'ada', displayName: 'Ada', password: '12345678' }
  test.each([
    [{}, []],
    [{ username: 'A' }, ['username']],
    [{ username: 'a b' }, ['username']],
    [{ username: 'x'.repeat(33) }, ['username']],
    [{ username: '名字' }, ['username']],
    [{ displayName: '  ' }, ['displayName']],
    [{ password: '1234567' }, ['password']],
    [{ password: '密码密码密码密码' }, []],
    [{ password: '🐈🐈🐈🐈' }, ['password']],
  ])('%j', (change, wrong) => expect(Object.keys(checkAccount({ ...good, ...change }))).toEqual(wrong))

  test.each([
    ['Mira Lindqvist', 'mira.lindqvist'],
    ['Zoë  Müller', 'zoe.muller'],
    ['李华', ''],
    ['x'.repeat(64), 'x'.repeat(32)],
  ])('%s suggests %s', (name, username) => expect(suggestUsername(name)).toBe(username))
})
