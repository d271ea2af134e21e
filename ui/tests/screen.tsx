// Starts the whole interface on a scene of the fake backend, and finds things on it.

import { render, screen, waitFor } from '@solidjs/testing-library'
import userEvent from '@testing-library/user-event'
import { App } from '../src/App'
import { type Fake, fakeBackend } from '../src/backend/fake/fake'
import { drafts } from '../src/composer/drafts'

export interface Shown {
  fake: Fake
  user: ReturnType<typeof userEvent.setup>
}

/** Shows a scene; `change` may alter the backend before it is used. */
export function show(scene: string, change: (fake: Fake) => void = () => {}, language = 'en'): Shown {
  drafts.clear()
  const fake = fakeBackend(new URLSearchParams({ scene, language }), 0)
  change(fake)
  render(() => <App backend={fake} />)
  return { fake, user: userEvent.setup() }
}

export const find = (testid: string) => screen.findByTestId(testid)
export const query = (testid: string) => screen.queryByTestId(testid)
export const all = (testid: string) => screen.queryAllByTestId(testid)
export { screen, waitFor }
