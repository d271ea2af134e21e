// The others' voices: one <audio> each, on the speaker that was chosen. Apart from the pictures, because a voice goes on when a
// camera is off or a tile is gone.

import { Volume2 } from 'lucide-solid'
import { createEffect, createSignal, For, Show } from 'solid-js'
import { Button } from '../../ui/button'
import { useGuest } from '../state/context'
import { ids } from '../testids'
import { useWords } from '../words'

export function Sound() {
  const w = useWords()
  const { call } = useGuest()
  const [blocked, setBlocked] = createSignal(false)
  const elements = new Set<HTMLAudioElement>()

  function play(audio: HTMLAudioElement): void {
    audio.play().catch((thrown: unknown) => {
      // A browser may want a click first; anything else is a stream that was replaced meanwhile.
      if (thrown instanceof DOMException && thrown.name === 'NotAllowedError') setBlocked(true)
    })
  }

  return (
    <>
      <For each={call.state.peers}>
        {(peer) => <Voice device={peer.device} stream={peer.audio} elements={elements} play={play} />}
      </For>
      <Show when={blocked()}>
        <div class="stage-problem">
          <Volume2 size={16} aria-hidden="true" />
          {w('call.soundBlocked')}
          <Button
            onClick={() => {
              setBlocked(false)
              for (const audio of elements) play(audio)
            }}
            testid={ids.soundOn}
          >
            {w('call.soundOn')}
          </Button>
        </div>
      </Show>
    </>
  )
}

interface VoiceProps {
  device: string
  stream: MediaStream | null
  elements: Set<HTMLAudioElement>
  play: (audio: HTMLAudioElement) => void
}

function Voice(props: VoiceProps) {
  const { media } = useGuest()
  let audio!: HTMLAudioElement
  createEffect(() => {
    props.elements.add(audio)
    audio.srcObject = props.stream
    if (props.stream) props.play(audio)
  })
  createEffect(() => {
    const { speaker } = media.state
    if (speaker !== null && 'setSinkId' in audio)
      audio.setSinkId(speaker).catch((thrown) => console.warn('cannot take this speaker', thrown))
  })
  // biome-ignore lint/a11y/useMediaCaption: a call has no captions.
  return <audio ref={audio} data-testid={ids.sound} data-device={props.device} autoplay />
}
