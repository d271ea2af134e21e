// Beside a name: this one came by a link, and nobody has checked who it is.

import { useI18n } from '../i18n'
import './guest-mark.css'

export function GuestMark() {
  const { t } = useI18n()
  return (
    <span class="guest-mark" title={t('guests.unverified')}>
      {t('guests.mark')}
    </span>
  )
}
