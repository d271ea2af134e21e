import { For } from 'solid-js'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { ids } from '../testids'
import { Sheet } from '../ui/dialog'
import { Kbd } from '../ui/kbd'
import { fullStage, shortcuts } from './shortcuts'
import './shortcuts.css'

const CALL = new Set(['call', 'hangUp', 'mute', 'camera'])

/** All shortcuts, shown by `?`. */
export function ShortcutsSheet() {
  const { t } = useI18n()
  const { view } = useApp()
  const groups = () => [
    {
      title: t('shortcuts.general'),
      lines: shortcuts
        .filter(({ does }) => !CALL.has(does))
        .map(({ keys, does }) => ({ keys: [keys], words: t(`shortcuts.${does}`) })),
    },
    {
      title: t('shortcuts.inCall'),
      lines: [
        ...shortcuts
          .filter(({ does }) => CALL.has(does))
          .map(({ keys, does }) => ({ keys: [keys], words: t(`shortcuts.${does}`) })),
        { keys: [fullStage.keys], words: t('call.full') },
      ],
    },
    {
      title: t('shortcuts.inList'),
      lines: [
        { keys: ['ArrowUp', 'ArrowDown'], words: t('shortcuts.move') },
        { keys: ['Home', 'End'], words: t('shortcuts.ends') },
        { keys: ['Enter'], words: `${t('shortcuts.open')} · ${t('shortcuts.send')}` },
        { keys: ['Shift+Enter'], words: t('shortcuts.newLine') },
        { keys: ['Control+c'], words: t('timeline.copy') },
        { keys: ['Escape'], words: t('shortcuts.write') },
      ],
    },
  ]
  return (
    <Sheet open onClose={view.close} title={t('shortcuts.title')} wide testid={ids.shortcuts}>
      <div class="shortcuts">
        <For each={groups()}>
          {(group) => (
            <section>
              <h3 class="shortcuts-title">{group.title}</h3>
              <dl>
                <For each={group.lines}>
                  {(line) => (
                    <div class="shortcuts-line">
                      <dt>{line.words}</dt>
                      <dd>
                        <For each={line.keys}>{(keys) => <Kbd keys={keys} />}</For>
                      </dd>
                    </div>
                  )}
                </For>
              </dl>
            </section>
          )}
        </For>
      </div>
    </Sheet>
  )
}
