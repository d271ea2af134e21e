// Everything that is neither the lobby nor the call: looking, waiting, and the ways in which it ends.

import {
  CircleAlert,
  DoorClosed,
  DoorOpen,
  Hand,
  Link2Off,
  PhoneOff,
  ShieldAlert,
  WifiOff,
} from 'lucide-solid'
import { Show } from 'solid-js'
import { useI18n } from '../../i18n'
import { Button, type Icon } from '../../ui/button'
import { Face } from '../../ui/face'
import { Mark } from '../../ui/mark'
import { useGuest } from '../state/context'
import type { Over } from '../state/guest'
import { ids } from '../testids'
import type { ApiProblem } from '../wire/api'
import { useWords } from '../words'
import { Card, Notice } from './Card'

export function Looking() {
  const w = useWords()
  return (
    <div class="guest-looking" role="status" aria-label={w('looking')}>
      <Mark />
    </div>
  )
}

export function Unfit(props: { why: 'insecure' | 'unsupported' }) {
  const w = useWords()
  return (
    <Notice
      icon={props.why === 'insecure' ? ShieldAlert : CircleAlert}
      danger
      title={w(`unfit.${props.why}`)}
      lead={w(`unfit.${props.why}Lead`)}
    />
  )
}

export function NoLink(props: { code: ApiProblem['code'] }) {
  const w = useWords()
  const { look } = useGuest()
  const known = () => {
    const { code } = props
    return code === 'not_found' || code === 'link_expired' || code === 'offline' ? code : 'other'
  }
  const dead = () => known() === 'not_found' || known() === 'link_expired'
  return (
    <Notice
      icon={dead() ? Link2Off : WifiOff}
      danger
      title={w(`noLink.${known()}`)}
      lead={w(`noLink.${known()}Lead`)}
      action={
        <Show when={!dead()}>
          <Button look="primary" onClick={() => void look()} testid={ids.again}>
            {w('lobby.tryAgain')}
          </Button>
        </Show>
      }
    />
  )
}

export function WaitingScreen() {
  const w = useWords()
  const { invitation, name, cancel } = useGuest()
  const open = () => invitation()?.admission === 'open'
  return (
    <Card>
      <div class="guest-waiting">
        <span class="guest-knocking">
          <Face name={name()} size="large" />
        </span>
        <h1 class="start-heading" role="status">
          {open() ? w('waiting.joining') : w('waiting.title')}
        </h1>
        <Show when={!open()}>
          <p class="start-lead">{w('waiting.lead')}</p>
        </Show>
        <Button onClick={cancel} testid={ids.cancel}>
          {open() ? useI18n().t('common.cancel') : w('waiting.cancel')}
        </Button>
      </div>
    </Card>
  )
}

const SIGNS: Record<Over, Icon> = {
  left: DoorOpen,
  lost: WifiOff,
  refused: DoorClosed,
  removed: Hand,
  call_over: PhoneOff,
  link_over: Link2Off,
}

export function OverScreen(props: { why: Over }) {
  const w = useWords()
  const { again } = useGuest()
  const bad = () => props.why !== 'left' && props.why !== 'call_over'
  const words = () => (props.why === 'refused' || props.why === 'removed' ? 'knockAgain' : 'again')
  // A link that is over, and a call that is, lead nowhere.
  const open = () => props.why !== 'link_over' && props.why !== 'call_over'
  return (
    <Notice
      icon={SIGNS[props.why]}
      danger={bad()}
      title={w(`over.${props.why}`)}
      lead={w(`over.${props.why}Lead`)}
      action={
        <Show when={open()}>
          <Button look="primary" onClick={again} testid={ids.again}>
            {w(`over.${words()}`)}
          </Button>
        </Show>
      }
    />
  )
}
