// How loud something is, from 0 to 1: a bar that moves.

import { useI18n } from '../i18n'
import { ids } from '../testids'
import './level.css'

export function Level(props: { value: number }) {
  const { t } = useI18n()
  return (
    // biome-ignore lint/a11y/useSemanticElements: browsers draw <meter> each in their own way, WebKit with a step between frames.
    <div
      class="level"
      role="meter"
      aria-label={t('settings.level')}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(props.value * 100)}
      data-testid={ids.level}
    >
      <div class="level-bar" style={{ transform: `scaleX(${props.value})` }} />
    </div>
  )
}
