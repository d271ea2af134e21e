// What others may learn of this computer.

import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { YesNo } from '../ui/choice'

export function Privacy() {
  const { t } = useI18n()
  const { preferences } = useApp()
  return (
    <YesNo
      label={t('settings.relayOnly')}
      hint={t('settings.relayOnlyHint')}
      value={preferences.value.relay_only}
      onChange={(on) => preferences.change({ relay_only: on })}
      testid={ids.relayOnlySwitch}
    />
  )
}
