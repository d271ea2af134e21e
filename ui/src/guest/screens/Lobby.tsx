// Before the call: a name, a look in the mirror, which devices.

import { CircleAlert } from 'lucide-solid'
import { createSignal, onMount, Show } from 'solid-js'
import { useI18n } from '../../i18n'
import { Button } from '../../ui/button'
import { CameraButton, MicrophoneButton } from '../../ui/device-buttons'
import { Field } from '../../ui/field'
import { remembered } from '../remembered'
import { useGuest } from '../state/context'
import { ids } from '../testids'
import { useWords } from '../words'
import { Card } from './Card'
import { DevicePickers, DeviceProblems, LevelBar } from './Devices'
import { Picture } from './Picture'

/** As the server has it (MAX_GUEST_NAME). */
const MAX_NAME = 64

export function Lobby() {
  const w = useWords()
  const guest = useGuest()
  const { media } = guest
  const [name, setName] = createSignal(guest.name() || remembered.name())
  const [missing, setMissing] = createSignal(false)
  const invited = () => guest.invitation()
  onMount(() => void media.start())

  function knock(event: Event): void {
    event.preventDefault()
    const wanted = name().trim()
    setMissing(wanted === '')
    if (wanted === '') return
    remembered.setName(wanted)
    void guest.knock(wanted)
  }

  const heading = () => {
    const room = invited()?.room_name
    return room ? w('lobby.title', room) : w('lobby.titleDirect')
  }
  const problem = () => {
    const code = guest.problem()?.code
    const said =
      code === 'rate_limited' || code === 'unavailable' || code === 'offline' || code === 'bad_request'
    return code && w(`problems.${said ? code : 'other'}`)
  }

  return (
    <Card wide>
      <header class="lobby-head">
        <h1 class="start-heading">{heading()}</h1>
        <Show when={invited()?.invited_by}>
          {(by) => <p class="lobby-lead">{w('lobby.invitedBy', by(), invited()?.space_name ?? '')}</p>}
        </Show>
      </header>
      <div class="lobby">
        <div class="lobby-mirror">
          <Mirror />
          <LevelBar />
          <DeviceProblems />
        </div>
        <form class="lobby-form" onSubmit={knock}>
          <Field
            label={w('lobby.name')}
            hint={w('lobby.nameHint')}
            error={missing() ? w('lobby.nameMissing') : undefined}
            value={name()}
            onInput={(value) => {
              setName(value)
              setMissing(false)
            }}
            maxLength={MAX_NAME}
            autocomplete="nickname"
            autofocus
            testid={ids.name}
          />
          <DevicePickers />
          <People />
          <Show when={problem()}>
            {(said) => (
              <p class="form-problem" role="alert" data-testid={ids.problem}>
                <CircleAlert size={18} aria-hidden="true" />
                {said()}
              </p>
            )}
          </Show>
          <div class="guest-actions">
            <Button look="primary" type="submit" testid={ids.knock}>
              {invited()?.admission === 'open' ? w('lobby.join') : w('lobby.knock')}
            </Button>
          </div>
          <p class="field-hint">{w('lobby.privacy')}</p>
        </form>
      </div>
    </Card>
  )
}

/** Who is in the call, so that one knows at whose door one stands. */
function People() {
  const w = useWords()
  const { language } = useI18n()
  const { invitation } = useGuest()
  const names = () =>
    new Intl.ListFormat(language(), { type: 'conjunction' }).format(invitation()?.people ?? [])
  return (
    <div class="lobby-people">
      <p>{invitation()?.people.length ? w('lobby.with', names()) : w('lobby.nobody')}</p>
      <Show when={invitation()?.admission === 'open'}>
        <p>{w('lobby.open')}</p>
      </Show>
    </div>
  )
}

function Mirror() {
  const w = useWords()
  const { t } = useI18n()
  const { media } = useGuest()
  const { camera } = media.state
  return (
    <div class="preview lobby-preview">
      <Show
        when={camera.track}
        fallback={
          <p class="lobby-message" role="status">
            <Show when={media.state.asked} fallback={w('lobby.allow')}>
              {camera.on && !camera.problem ? w('lobby.starting') : w('lobby.cameraIsOff')}
            </Show>
          </p>
        }
      >
        {(track) => <Picture track={track()} stream="preview" label={t('settings.preview')} mirrored />}
      </Show>
      <div class="lobby-switches" role="toolbar" aria-label={w('lobby.devices')}>
        <MicrophoneButton
          on={media.works('microphone')}
          size="large"
          onSwitch={(on) => void media.switch('microphone', on)}
          testid={ids.lobbyMicrophone}
        />
        <CameraButton
          on={media.works('camera')}
          size="large"
          onSwitch={(on) => void media.switch('camera', on)}
          testid={ids.lobbyCamera}
        />
      </div>
    </div>
  )
}
