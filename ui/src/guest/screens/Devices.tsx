// Which camera, microphone and speaker, how loud we are, and what is wrong with them: in the lobby and in the call's sheet.

import { CircleAlert, RotateCw } from 'lucide-solid'
import { createEffect, createSignal, For, onCleanup, Show } from 'solid-js'
import { useI18n } from '../../i18n'
import { Button } from '../../ui/button'
import { Pick } from '../../ui/choice'
import { Level } from '../../ui/level'
import { watchLevel } from '../media/level'
import type { Kind } from '../media/local'
import { useGuest } from '../state/context'
import { ids } from '../testids'
import { useWords } from '../words'
import '../../settings/settings.css'

export function DevicePickers() {
  const { t } = useI18n()
  const { media } = useGuest()
  const { state } = media
  return (
    <>
      <Show when={state.camera.choices.length > 0}>
        <Pick
          label={t('settings.camera')}
          options={state.camera.choices}
          value={state.camera.chosen}
          onPick={(id) => void media.choose('camera', id)}
          testid={ids.cameraSelect}
        />
      </Show>
      <Show when={state.microphone.choices.length > 0}>
        <Pick
          label={t('settings.microphone')}
          options={state.microphone.choices}
          value={state.microphone.chosen}
          onPick={(id) => void media.choose('microphone', id)}
          testid={ids.microphoneSelect}
        />
      </Show>
      <Show when={state.speakers.length > 0}>
        <Pick
          label={t('settings.speaker')}
          options={state.speakers}
          value={state.speaker}
          onPick={(id) => media.chooseSpeaker(id)}
          testid={ids.speakerSelect}
        />
      </Show>
    </>
  )
}

export function DeviceProblems() {
  const w = useWords()
  const { media } = useGuest()
  const said = () =>
    (['camera', 'microphone'] as const satisfies readonly Kind[]).flatMap((kind) => {
      const { problem } = media.state[kind]
      return problem ? [{ code: `${kind}_${problem}` as const, words: w(`problems.${kind}_${problem}`) }] : []
    })
  return (
    <>
      <For each={said()}>
        {(problem) => (
          <p class="form-problem" role="alert" data-testid={ids.problem} data-code={problem.code}>
            <CircleAlert size={18} aria-hidden="true" />
            {problem.words}
          </p>
        )}
      </For>
      <Show when={said().length > 0}>
        <Button icon={RotateCw} onClick={() => void media.start()} testid={ids.retryDevices}>
          {w('lobby.tryAgain')}
        </Button>
      </Show>
    </>
  )
}

/** A bar that moves when we speak; only while there is a microphone that is on. */
export function LevelBar() {
  const { media } = useGuest()
  const [level, setLevel] = createSignal(0)
  const track = () => (media.state.microphone.on ? media.state.microphone.track : null)
  createEffect(() => {
    const current = track()
    if (!current) return
    const end = watchLevel(current, setLevel)
    onCleanup(() => {
      end()
      setLevel(0)
    })
  })
  return (
    <Show when={track()}>
      <Level value={level()} />
    </Show>
  )
}
