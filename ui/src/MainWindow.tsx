// The main window: rail, conversation, and whatever lies over them.

import { MessagesSquare } from 'lucide-solid'
import { Match, onCleanup, onMount, Show, Switch } from 'solid-js'
import { Guests } from './call/Guests'
import { useI18n } from './i18n'
import { ShortcutsSheet } from './keyboard/ShortcutsSheet'
import { handleKey } from './keyboard/shortcuts'
import { Rail } from './rooms/Rail'
import { Room } from './rooms/Room'
import { InviteByLink, InviteToRoom, RoomForm } from './rooms/RoomDialogs'
import { Switcher } from './rooms/Switcher'
import { Settings } from './settings/Settings'
import { useApp } from './state/context'
import { createSize } from './state/sizes'
import { ids } from './testids'
import { Empty } from './ui/empty'
import { Splitter } from './ui/splitter'
import './main-window.css'

const RAIL_MIN = 200
const RAIL_MAX = 420

export function Main() {
  const { t } = useI18n()
  const app = useApp()
  const [railWidth, setRailWidth] = createSize('rail', 260)

  onMount(() => {
    const listener = (event: KeyboardEvent) => handleKey(app, event)
    window.addEventListener('keydown', listener)
    onCleanup(() => window.removeEventListener('keydown', listener))
  })

  return (
    <div class="main" data-testid={ids.main}>
      <ConnectionLine />
      <div class={`main-panes main-shows-${app.view.pane()}`}>
        <div class="main-rail" style={{ '--rail-width': `${railWidth()}px` }}>
          <Rail />
        </div>
        <Splitter
          label={t('rail.resize')}
          direction="horizontal"
          value={railWidth()}
          min={RAIL_MIN}
          max={RAIL_MAX}
          onMove={setRailWidth}
        />
        <div class="main-room">
          <Show
            when={app.room()}
            fallback={
              <Show when={app.rooms.value}>
                <Empty icon={MessagesSquare}>{t('room.pick')}</Empty>
              </Show>
            }
          >
            {(room) => <Room room={room()} />}
          </Show>
        </div>
      </div>
      <Overlays />
    </div>
  )
}

function Overlays() {
  const app = useApp()
  return (
    <Switch>
      <Match when={app.view.overlay() === 'settings'}>
        <Settings />
      </Match>
      <Match when={app.view.overlay() === 'new-room'}>
        <RoomForm />
      </Match>
      <Match when={app.view.overlay() === 'edit-room' && app.room()}>
        {(room) => <RoomForm room={room()} />}
      </Match>
      <Match when={app.view.overlay() === 'invite'}>
        <InviteByLink />
      </Match>
      <Match when={app.view.overlay() === 'invite-to-room' && app.room()}>
        {(room) => <InviteToRoom room={room()} />}
      </Match>
      <Match when={app.view.overlay() === 'guests' && app.call()}>{(call) => <Guests call={call()} />}</Match>
      <Match when={app.view.overlay() === 'shortcuts'}>
        <ShortcutsSheet />
      </Match>
      <Match when={app.view.overlay() === 'switcher'}>
        <Switcher />
      </Match>
    </Switch>
  )
}

/** Offline is a thin line: nothing is blocked. */
function ConnectionLine() {
  const { t } = useI18n()
  const { connection } = useApp()
  return (
    <Show when={connection().state === 'offline' || connection().state === 'connecting'}>
      <p
        class={`connection connection-${connection().state}`}
        role="status"
        data-testid={ids.connectionLine}
        data-state={connection().state}
      >
        {connection().state === 'offline' ? t('connection.offline') : t('connection.connecting')}
      </p>
    </Show>
  )
}
