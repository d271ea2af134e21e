// The settings: sections at the side, one shown.

import { Tabs } from '@kobalte/core/tabs'
import { Bell, Info, Palette, Shield, User, Video } from 'lucide-solid'
import { For } from 'solid-js'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import type { SettingsSection } from '../state/view'
import { ids } from '../testids'
import type { Icon } from '../ui/button'
import { Sheet } from '../ui/dialog'
import { About } from './About'
import { Appearance, Notifications } from './Appearance'
import { Devices } from './Devices'
import { Privacy } from './Privacy'
import { Profile } from './Profile'
import './settings.css'

export function Settings() {
  const { t } = useI18n()
  const { view } = useApp()
  const sections = (): { id: SettingsSection; icon: Icon; name: string; testid: string }[] => [
    { id: 'profile', icon: User, name: t('settings.profile'), testid: ids.settingsProfile },
    { id: 'devices', icon: Video, name: t('settings.devices'), testid: ids.settingsDevices },
    { id: 'appearance', icon: Palette, name: t('settings.appearance'), testid: ids.settingsAppearance },
    { id: 'notifications', icon: Bell, name: t('settings.notifications'), testid: ids.settingsNotifications },
    { id: 'privacy', icon: Shield, name: t('settings.privacy'), testid: ids.settingsPrivacy },
    { id: 'about', icon: Info, name: t('settings.about'), testid: ids.settingsAbout },
  ]
  return (
    <Sheet open onClose={view.close} title={t('settings.title')} wide testid={ids.settings}>
      <Tabs
        class="settings"
        orientation="vertical"
        value={view.section()}
        onChange={(section) => view.setSection(section as SettingsSection)}
      >
        <Tabs.List class="settings-list" aria-label={t('settings.sections')}>
          <For each={sections()}>
            {(section) => (
              <Tabs.Trigger
                class="settings-tab"
                value={section.id}
                title={section.name}
                data-testid={section.testid}
              >
                {section.icon({ size: 18, 'aria-hidden': true })}
                <span>{section.name}</span>
              </Tabs.Trigger>
            )}
          </For>
        </Tabs.List>
        <Tabs.Content class="settings-page" value="profile">
          <Profile />
        </Tabs.Content>
        <Tabs.Content class="settings-page" value="devices">
          <Devices />
        </Tabs.Content>
        <Tabs.Content class="settings-page" value="appearance">
          <Appearance />
        </Tabs.Content>
        <Tabs.Content class="settings-page" value="notifications">
          <Notifications />
        </Tabs.Content>
        <Tabs.Content class="settings-page" value="privacy">
          <Privacy />
        </Tabs.Content>
        <Tabs.Content class="settings-page" value="about">
          <About />
        </Tabs.Content>
      </Tabs>
    </Sheet>
  )
}
