// The one guest of a page, for its components.

import { createContext, useContext } from 'solid-js'
import type { Guest } from './guest'

export const GuestContext = createContext<Guest>()

/** Only below the provider. */
export function useGuest(): Guest {
  const guest = useContext(GuestContext)
  if (!guest) throw new Error('useGuest outside GuestContext')
  return guest
}
