// The call's chat, of which the app keeps what was said for as long as the call lasts.

import { useApp } from '../state/context'
import { ids } from '../testids'
import { CallChat } from '../ui/call-chat'

const testids = {
  panel: ids.callChat,
  line: ids.callChatLine,
  text: ids.callChatText,
  send: ids.callChatSend,
}

export function Chat() {
  const app = useApp()
  return (
    <CallChat
      lines={app.chat.lines}
      onSay={(words) =>
        app.backend.sayInCall(words).then(
          () => true,
          (thrown) => {
            app.notes.tell(thrown)
            return false
          },
        )
      }
      onClose={() => app.chat.setOpen(false)}
      testids={testids}
    />
  )
}
