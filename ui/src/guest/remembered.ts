// What this browser remembers for the next link: the guest's name and language, and beside it only where they put their own picture
// (ui/tiles.ts).

import { createSignal } from 'solid-js'
import { kept } from '../kept'

const NAME = 'snug.guest.name'
const LANGUAGE = 'snug.guest.language'

const [language, setLanguage] = createSignal(kept.read(LANGUAGE))

export const remembered = {
  language,
  setLanguage(value: string): void {
    setLanguage(value)
    kept.write(LANGUAGE, value)
  },
  name: () => kept.read(NAME) ?? '',
  setName: (value: string) => kept.write(NAME, value),
}
