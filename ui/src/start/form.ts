// What the forms of the first start share: the account's three fields, what is wrong with them, and sending once.

import { createSignal } from 'solid-js'
import { createStore } from 'solid-js/store'
import type { NewAccount } from '../backend/backend'
import type { Problem } from '../backend/bindings/Problem'
import { toProblem } from '../backend/problem'

const USERNAME = /^[a-z0-9._-]{2,32}$/
const MIN_PASSWORD = 8
export const MAX_NAME = 64

/** Which sentence of `account` says what is wrong with a field. */
export interface AccountErrors {
  displayName?: 'account.nameMissing'
  username?: 'account.usernameBad'
  password?: 'account.passwordShort'
}

export function checkAccount(account: NewAccount): AccountErrors {
  const errors: AccountErrors = {}
  if (account.displayName.trim() === '') errors.displayName = 'account.nameMissing'
  if (!USERNAME.test(account.username)) errors.username = 'account.usernameBad'
  if ([...account.password].length < MIN_PASSWORD) errors.password = 'account.passwordShort'
  return errors
}

/** A username that a name suggests; empty when it has no letter that may be in one. */
export function suggestUsername(displayName: string): string {
  return displayName
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\s+/gu, '.')
    .replace(/[^a-z0-9._-]/gu, '')
    .slice(0, 32)
}

export function createAccountForm() {
  const [account, setAccount] = createStore<NewAccount>({ username: '', displayName: '', password: '' })
  const [tried, setTried] = createSignal(false)
  let usernameTouched = false

  return {
    account,
    setDisplayName(name: string) {
      setAccount('displayName', name)
      if (!usernameTouched) setAccount('username', suggestUsername(name))
    },
    setUsername(name: string) {
      usernameTouched = name !== ''
      setAccount('username', name.trim().toLowerCase())
    },
    setPassword: (password: string) => setAccount('password', password),
    /** What is wrong; nothing before the first try to send. */
    errors: (): AccountErrors => (tried() ? checkAccount(account) : {}),
    /** Whether it can be sent; from now on errors show. */
    check(): boolean {
      setTried(true)
      return Object.keys(checkAccount(account)).length === 0
    },
    tried,
    setTried,
    /** As it is sent. */
    get value(): NewAccount {
      return { ...account, displayName: account.displayName.trim() }
    },
  }
}

/** Sends a form once at a time and keeps what went wrong. */
export function createSubmission() {
  const [busy, setBusy] = createSignal(false)
  const [problem, setProblem] = createSignal<Problem | null>(null)
  return {
    busy,
    problem,
    async run(act: () => Promise<void>): Promise<void> {
      if (busy()) return
      setBusy(true)
      setProblem(null)
      try {
        await act()
      } catch (thrown) {
        setProblem(toProblem(thrown))
      } finally {
        setBusy(false)
      }
    },
  }
}
