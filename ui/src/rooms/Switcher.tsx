// Ctrl+K: type a few letters of a room or a person, Enter goes there.

import { Dialog } from '@kobalte/core/dialog'
import { Search } from 'lucide-solid'
import { createMemo, createSignal, For, Show } from 'solid-js'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { isComposing } from '../ui/composing'
import { Face } from '../ui/face'
import { focusFirst, returnFocus } from '../ui/focus'
import { matches, railLists } from './lists'
import './switcher.css'

interface Place {
  id: string
  name: string
  room: boolean
  available?: boolean
  unread: number
  go: () => void
}

/** As many as fit without scrolling on a small window. */
const MAX_PLACES = 8

export function Switcher() {
  const { t } = useI18n()
  const app = useApp()
  const giveBack = returnFocus()
  const [query, setQuery] = createSignal('')
  const [active, setActive] = createSignal(0)

  const all = createMemo<Place[]>(() => {
    const lists = railLists(app.rooms.value ?? [], app.people.value ?? [], app.account.value?.user)
    const rooms = [...lists.rooms, ...lists.direct].sort((a, b) => b.last_at - a.last_at)
    return [
      ...rooms.map((room) => ({
        id: room.id,
        name: room.name,
        room: room.kind === 'room',
        available: room.kind === 'direct' ? room.peer_available : undefined,
        unread: room.unread,
        go: () => app.view.show(room.id),
      })),
      ...lists.others.map((person) => ({
        id: person.id,
        name: person.name,
        room: false,
        available: person.available,
        unread: 0,
        go: () =>
          app.attempt(async () => {
            const room = await app.backend.openDirect(person.id)
            await app.rooms.refresh()
            app.view.show(room)
          }),
      })),
    ]
  })
  const places = createMemo(() =>
    all()
      .filter(({ name }) => matches(name, query()))
      .slice(0, MAX_PLACES),
  )

  function key(event: KeyboardEvent): void {
    if (isComposing(event)) return
    const count = places().length
    if (event.key === 'ArrowDown' && count > 0) setActive((active() + 1) % count)
    else if (event.key === 'ArrowUp' && count > 0) setActive((active() - 1 + count) % count)
    else if (event.key === 'Enter') places()[active()]?.go()
    else return
    event.preventDefault()
  }

  return (
    <Dialog open onOpenChange={(open) => !open && app.view.close()}>
      <Dialog.Portal>
        <Dialog.Overlay class="backdrop" />
        <div class="sheet-place switcher-place">
          <Dialog.Content
            onOpenAutoFocus={focusFirst}
            onCloseAutoFocus={giveBack}
            class="switcher"
            aria-label={t('switcher.title')}
            data-testid={ids.switcher}
          >
            <div class="switcher-box">
              <Search size={18} aria-hidden="true" />
              <input
                class="switcher-input"
                role="combobox"
                aria-expanded="true"
                aria-controls="switcher-list"
                aria-activedescendant={places()[active()] ? `place-${places()[active()]?.id}` : undefined}
                aria-label={t('switcher.placeholder')}
                aria-autocomplete="list"
                placeholder={t('switcher.placeholder')}
                value={query()}
                autofocus
                spellcheck={false}
                data-testid={ids.switcherInput}
                onInput={(event) => {
                  setQuery(event.currentTarget.value)
                  setActive(0)
                }}
                onKeyDown={key}
              />
            </div>
            <Show
              when={places().length > 0}
              fallback={<p class="switcher-nothing">{t('switcher.nothing', query())}</p>}
            >
              <div class="switcher-list" id="switcher-list" role="listbox" aria-label={t('switcher.title')}>
                <For each={places()}>
                  {(place, index) => (
                    // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the input; aria-activedescendant points here.
                    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the input's.
                    <div
                      class="switcher-option"
                      role="option"
                      id={`place-${place.id}`}
                      aria-selected={index() === active()}
                      data-testid={ids.switcherOption}
                      onPointerMove={() => setActive(index())}
                      onClick={() => place.go()}
                    >
                      <Face name={place.name} room={place.room} size="small" available={place.available} />
                      <span class="rail-name">{place.name}</span>
                      <Show when={place.unread > 0}>
                        <span class="rail-unread">{place.unread}</span>
                      </Show>
                      <span class="rail-time">{place.room ? t('switcher.room') : t('switcher.person')}</span>
                    </div>
                  )}
                </For>
              </div>
            </Show>
          </Dialog.Content>
        </div>
      </Dialog.Portal>
    </Dialog>
  )
}
