// Microphone and camera, on or off.

import { Mic, MicOff, Video, VideoOff } from 'lucide-solid'
import { useI18n } from '../i18n'
import { IconButton } from './button'

interface DeviceButtonProps {
  on: boolean
  size?: 'normal' | 'large'
  /** Whether its keys work here, and are told. */
  shortcut?: boolean
  onSwitch: (on: boolean) => void
  testid: string
}

export function MicrophoneButton(props: DeviceButtonProps) {
  const { t } = useI18n()
  return (
    <IconButton
      icon={props.on ? Mic : MicOff}
      label={props.on ? t('call.mute') : t('call.unmute')}
      shortcut={props.shortcut ? 'Control+d' : undefined}
      size={props.size}
      look={props.on ? 'stage' : 'off'}
      onClick={() => props.onSwitch(!props.on)}
      testid={props.testid}
    />
  )
}

export function CameraButton(props: DeviceButtonProps) {
  const { t } = useI18n()
  return (
    <IconButton
      icon={props.on ? Video : VideoOff}
      label={props.on ? t('call.cameraOff') : t('call.cameraOn')}
      shortcut={props.shortcut ? 'Control+e' : undefined}
      size={props.size}
      look={props.on ? 'stage' : 'off'}
      onClick={() => props.onSwitch(!props.on)}
      testid={props.testid}
    />
  )
}
