// Camera, microphone and speaker, each tried where it is chosen.

import { Volume2 } from 'lucide-solid'
import { createSignal, onCleanup, onMount, Show } from 'solid-js'
import type { DeviceKind } from '../backend/bindings/DeviceKind'
import type { DeviceOption } from '../backend/bindings/DeviceOption'
import type { Problem } from '../backend/bindings/Problem'
import { toProblem } from '../backend/problem'
import { useI18n } from '../i18n'
import { useApp } from '../state/context'
import { createFetched } from '../state/fetched'
import { ids } from '../testids'
import { Button } from '../ui/button'
import { Pick } from '../ui/choice'
import { Level } from '../ui/level'
import { Waiting } from '../ui/waiting'
import { Video, WhereDecodable } from '../video/Video'

/** Devices come and go without a word: the list is asked for again this often while it is open. */
const LOOK_AGAIN_MS = 2_000

export function Devices() {
  const { t, ...i18n } = useI18n()
  const { backend, attempt } = useApp()
  const devices = createFetched(() => backend.devices())
  const [problem, setProblem] = createSignal<Problem | null>(null)
  const [seen, setSeen] = createSignal(false)

  onMount(() => {
    void devices.refresh()
    const timer = setInterval(() => void devices.refresh(), LOOK_AGAIN_MS)
    void preview()
    onCleanup(() => {
      clearInterval(timer)
      backend.stopPreview().catch((thrown) => console.warn('cannot stop the preview', thrown))
    })
  })

  async function preview(): Promise<void> {
    setProblem(null)
    try {
      await backend.startPreview()
    } catch (thrown) {
      setProblem(toProblem(thrown))
    }
  }

  function choose(kind: DeviceKind, id: string): void {
    attempt(async () => {
      await backend.chooseDevice(kind, id)
      await devices.refresh()
      // One that could not be opened may have been the reason that there is no preview.
      if (problem()) await preview()
    })
  }

  // Test sources are named by their choice, such as `pattern:2`; the interface has the words, and the number stays.
  function wordedName(name: string): string {
    const test = /^(default|pattern|tone|null)(?::(.*))?$/.exec(name)
    if (!test) return name
    const words = t(`device.${test[1] as 'default' | 'pattern' | 'tone' | 'null'}`)
    return test[2] ? `${words} ${test[2]}` : words
  }

  /** What can be chosen, and what is chosen even where the list lacks it. */
  function worded(options: readonly DeviceOption[], chosen: string | null): DeviceOption[] {
    const listed = chosen === null || options.some(({ id }) => id === chosen)
    const all = listed ? options : [...options, { id: chosen, name: chosen }]
    return all.map(({ id, name }) => ({ id, name: wordedName(name) }))
  }

  return (
    <Show when={devices.value} fallback={<Waiting rows={3} label={t('app.loading')} />}>
      {(found) => (
        <div class="form">
          <figure class="preview">
            <Show when={problem()}>
              {(what) => (
                <p class="tile-message" role="alert" data-testid={ids.tileMessage}>
                  {i18n.problem(what())}
                </p>
              )}
            </Show>
            <Show when={!problem() && found().camera !== null} fallback={<NoPicture shown={!problem()} />}>
              <WhereDecodable fallback={<p class="tile-message">{t('call.noDecoder')}</p>}>
                <Show when={!seen()}>
                  <p class="tile-message preview-waiting">{t('call.waitingPicture')}</p>
                </Show>
                <Video stream="preview" label={t('settings.preview')} mirrored onSize={() => setSeen(true)} />
              </WhereDecodable>
            </Show>
          </figure>
          <Choice
            label={t('settings.camera')}
            none={t('settings.noCameras')}
            options={worded(found().cameras, found().camera)}
            value={found().camera}
            onPick={(id) => choose('camera', id)}
            testid={ids.cameraSelect}
          />
          <div class="form-tight">
            <Choice
              label={t('settings.microphone')}
              none={t('settings.noMicrophones')}
              options={worded(found().microphones, found().microphone)}
              value={found().microphone}
              onPick={(id) => choose('microphone', id)}
              testid={ids.microphoneSelect}
            />
            <Show when={found().microphone !== null}>
              <Heard />
            </Show>
          </div>
          <div class="speaker">
            <Choice
              label={t('settings.speaker')}
              none={t('settings.noSpeakers')}
              options={worded(found().speakers, found().speaker)}
              value={found().speaker}
              onPick={(id) => choose('speaker', id)}
              testid={ids.speakerSelect}
            />
            <Button
              icon={Volume2}
              disabled={found().speaker === null}
              onClick={() => attempt(() => backend.testSpeaker())}
              testid={ids.testSpeaker}
            >
              {t('settings.testSpeaker')}
            </Button>
          </div>
        </div>
      )}
    </Show>
  )
}

function NoPicture(props: { shown: boolean }) {
  const { t } = useI18n()
  return (
    <Show when={props.shown}>
      <p class="tile-message">{t('settings.noCameras')}</p>
    </Show>
  )
}

interface ChoiceProps {
  label: string
  none: string
  options: { id: string; name: string }[]
  value: string | null
  onPick: (id: string) => void
  testid: string
}

function Choice(props: ChoiceProps) {
  return (
    <Show
      when={props.options.length > 0}
      fallback={
        <div class="field">
          <span class="field-label">{props.label}</span>
          <p class="settings-quiet">{props.none}</p>
        </div>
      }
    >
      <Pick
        label={props.label}
        options={props.options}
        value={props.value}
        onPick={props.onPick}
        testid={props.testid}
      />
    </Show>
  )
}

/** How loud the microphone hears. */
function Heard() {
  const { t } = useI18n()
  const { backend } = useApp()
  const [level, setLevel] = createSignal(0)
  onCleanup(backend.onLevel((value) => setLevel(Math.max(0, Math.min(1, value)))))
  return (
    <>
      <Level value={level()} />
      <p class="field-hint">{t('settings.levelHint')}</p>
    </>
  )
}
