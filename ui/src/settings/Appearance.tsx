import { languageNames, languages, useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { Pick, Segments, YesNo } from '../ui/choice'

/** Stands for "as the system has it" where a choice needs a name; it is stored as nothing. */
const SYSTEM = 'system'

export function Appearance() {
  const { t } = useI18n()
  const { preferences } = useApp()
  return (
    <div class="form">
      <Segments
        label={t('settings.theme')}
        options={[
          { id: SYSTEM, name: t('settings.themeSystem') },
          { id: 'light', name: t('settings.themeLight') },
          { id: 'dark', name: t('settings.themeDark') },
        ]}
        value={preferences.value.theme ?? SYSTEM}
        onPick={(id) => preferences.change({ theme: id === SYSTEM ? null : id })}
        testid={ids.themeSelect}
      />
      <Pick
        label={t('settings.language')}
        options={[
          { id: SYSTEM, name: t('settings.languageSystem') },
          ...languages.map((id) => ({ id, name: languageNames[id] })),
        ]}
        value={preferences.value.language ?? SYSTEM}
        onPick={(id) => preferences.change({ language: id === SYSTEM ? null : id })}
        testid={ids.languageSelect}
      />
    </div>
  )
}

export function Notifications() {
  const { t } = useI18n()
  const { preferences } = useApp()
  return (
    <YesNo
      label={t('settings.notify')}
      hint={t('settings.notifyHint')}
      value={!preferences.value.quiet}
      onChange={(on) => preferences.change({ quiet: !on })}
      testid={ids.notifySwitch}
    />
  )
}
