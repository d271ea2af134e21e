// The rail: the space, its rooms and people, oneself, and the call that goes on elsewhere.

import { ChevronDown, Keyboard, Plus, Search, Settings, UserPlus } from 'lucide-solid'
import { createMemo, For, type JSX, Show } from 'solid-js'
import { CallBar } from '../call/CallBar'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { Button, IconButton } from '../ui/button'
import { Face } from '../ui/face'
import { Kbd } from '../ui/kbd'
import { Menu } from '../ui/menu'
import { moveFocus } from '../ui/roving'
import { Waiting } from '../ui/waiting'
import { railLists } from './lists'
import { InvitationRow, PersonRow, RoomRow } from './RoomRow'
import './rail.css'

export function Rail() {
  const { t } = useI18n()
  const app = useApp()
  const lists = createMemo(() =>
    railLists(app.rooms.value ?? [], app.people.value ?? [], app.account.value?.user),
  )
  // The tab key stops at the room that is shown, or else at the first line.
  const stop = createMemo(() => {
    const { rooms, direct, others } = lists()
    const all = [...rooms, ...direct, ...others].map(({ id }) => id)
    const shown = app.view.room()
    return shown !== null && all.includes(shown) ? shown : all[0]
  })
  let list!: HTMLDivElement

  return (
    <nav class="rail" aria-label={t('rail.label')} data-testid={ids.rail}>
      <header class="rail-header">
        <SpaceMenu />
        <IconButton
          icon={UserPlus}
          label={t('rail.invitePeople')}
          placement="bottom"
          onClick={() => app.view.open('invite')}
          testid={ids.invitePeople}
        />
      </header>
      <button
        type="button"
        class="rail-goto"
        data-testid={ids.goTo}
        onClick={() => app.view.open('switcher')}
      >
        <Search size={16} aria-hidden="true" />
        <span>{t('rail.goTo')}</span>
        <Kbd keys="Control+k" />
      </button>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the arrows move the focus among the rows inside. */}
      <div class="rail-lists" ref={list} onKeyDown={(event) => moveFocus(event, list, '.rail-row')}>
        <Show when={app.rooms.value} fallback={<Waiting rows={5} label={t('app.loading')} />}>
          <Show when={lists().invitations.length > 0}>
            <Section title={t('rail.invitations')}>
              <For each={lists().invitations}>{(room) => <InvitationRow room={room} />}</For>
            </Section>
          </Show>
          <Section
            title={t('rail.rooms')}
            action={
              <IconButton
                icon={Plus}
                size="small"
                label={t('rail.newRoom')}
                shortcut="Control+n"
                onClick={() => app.view.open('new-room')}
                testid={ids.newRoom}
              />
            }
          >
            <For each={lists().rooms} fallback={<NoRooms />}>
              {(room) => <RoomRow room={room} reachable={stop() === room.id} />}
            </For>
          </Section>
          <Section title={t('rail.people')}>
            <For each={lists().direct}>
              {(room) => <RoomRow room={room} reachable={stop() === room.id} />}
            </For>
            <For
              each={lists().others}
              fallback={<Show when={lists().direct.length === 0}>{<Nobody />}</Show>}
            >
              {(person) => <PersonRow person={person} reachable={stop() === person.id} />}
            </For>
          </Section>
        </Show>
      </div>
      <CallBar />
      <footer class="rail-footer">
        <Face name={app.account.value?.display_name ?? ''} />
        <span class="rail-words">
          <span class="rail-name">{app.account.value?.display_name}</span>
          <span class="rail-snippet">@{app.account.value?.username}</span>
        </span>
        <IconButton
          icon={Settings}
          label={t('rail.settings')}
          shortcut="Control+,"
          onClick={() => app.view.openSettings()}
          testid={ids.settingsOpen}
        />
      </footer>
    </nav>
  )
}

function SpaceMenu() {
  const { t } = useI18n()
  const app = useApp()
  return (
    <Menu
      class="rail-space"
      placement="bottom-start"
      testid={ids.spaceMenu}
      groups={[
        [
          { label: t('rail.invitePeople'), icon: UserPlus, onPick: () => app.view.open('invite') },
          {
            label: t('rail.newRoom'),
            icon: Plus,
            onPick: () => app.view.open('new-room'),
            shortcut: 'Control+n',
          },
        ],
        [
          {
            label: t('rail.shortcuts'),
            icon: Keyboard,
            onPick: () => app.view.open('shortcuts'),
            shortcut: '?',
          },
          {
            label: t('rail.settings'),
            icon: Settings,
            onPick: () => app.view.openSettings(),
            shortcut: 'Control+,',
          },
        ],
      ]}
    >
      <span class="rail-words">
        <span class="rail-line">
          <span class="rail-space-name">{app.account.value?.space_name}</span>
          <ChevronDown size={16} aria-hidden="true" />
        </span>
        <span class="rail-snippet">
          {app.account.value?.hosted_here ? t('rail.hosting') : app.account.value?.address}
        </span>
      </span>
    </Menu>
  )
}

function Section(props: { title: string; action?: JSX.Element; children: JSX.Element }) {
  return (
    <section class="rail-section">
      <header class="rail-section-header">
        <h2>{props.title}</h2>
        {props.action}
      </header>
      <ul>{props.children}</ul>
    </section>
  )
}

function NoRooms() {
  const { t } = useI18n()
  const { view } = useApp()
  return (
    <li class="rail-nothing">
      <p>{t('rail.noRooms')}</p>
      <Button icon={Plus} onClick={() => view.open('new-room')}>
        {t('rail.newRoom')}
      </Button>
    </li>
  )
}

function Nobody() {
  const { t } = useI18n()
  const { view } = useApp()
  return (
    <li class="rail-nothing">
      <p>{t('rail.noPeople')}</p>
      <Button icon={UserPlus} onClick={() => view.open('invite')}>
        {t('rail.invitePeople')}
      </Button>
    </li>
  )
}
