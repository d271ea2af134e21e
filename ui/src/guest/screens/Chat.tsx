// The call's chat, of which this page keeps what was said for as long as it is open.

import { createSignal } from 'solid-js'
import { CallChat } from '../../ui/call-chat'
import { useGuest } from '../state/context'
import { ids } from '../testids'
import { useWords } from '../words'

const testids = { panel: ids.chatPanel, line: ids.chatMessage, text: ids.chatText, send: ids.chatSend }

export function Chat() {
  const w = useWords()
  const { call } = useGuest()
  const [unheard, setUnheard] = createSignal(false)
  return (
    <CallChat
      lines={call.state.messages}
      nameless={w('call.somebody')}
      problem={unheard() ? w('call.chatNobody') : undefined}
      onSay={async (words) => {
        const said = call.chat(words)
        setUnheard(!said)
        return said
      }}
      onWrite={() => setUnheard(false)}
      onClose={() => call.openChat(false)}
      testids={testids}
    />
  )
}
