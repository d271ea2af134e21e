import { useI18n } from '../i18n'
import { createNow } from '../state/now'
import { ids } from '../testids'

/** How long the call has lasted. */
export function Timer(props: { since: number }) {
  const { t, format } = useI18n()
  const now = createNow(500)
  return (
    <time class="timer" role="timer" aria-label={t('call.timer')} data-testid={ids.callTimer}>
      {format.duration(now() - props.since)}
    </time>
  )
}
