// How components reach the state. One object, made once for the window; components take what they need out of it.

import { createContext, useContext } from 'solid-js'
import type { App } from './app'

export const AppContext = createContext<App>()

/** The window's state; only below the provider in app.tsx. */
export function useApp(): App {
  const app = useContext(AppContext)
  if (!app) throw new Error('useApp outside AppContext')
  return app
}
