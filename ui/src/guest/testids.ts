// Every `data-testid` of the guest's page beside the app's own (ui/src/testids.ts): what tests and WebDriver hold on to.
//
//   root       data-phase="looking|unfit|no_link|lobby|waiting|call|over", data-why where there is a reason
//   tiles      as in the app, with <video data-stream="<device id, or self>"> inside
//   sound      <audio data-device="<device id>">

export const ids = {
  page: 'guest',
  name: 'guest-name',
  knock: 'guest-knock',
  cancel: 'guest-cancel',
  again: 'guest-again',
  problem: 'guest-problem',
  retryDevices: 'guest-retry-devices',
  lobbyMicrophone: 'lobby-microphone',
  lobbyCamera: 'lobby-camera',
  cameraSelect: 'camera-select',
  microphoneSelect: 'microphone-select',
  speakerSelect: 'speaker-select',
  stage: 'stage',
  alone: 'alone',
  sound: 'sound',
  soundOn: 'sound-on',
  microphone: 'call-microphone',
  camera: 'call-camera',
  devices: 'call-devices',
  chat: 'call-chat',
  leave: 'call-leave',
  chatPanel: 'chat-panel',
  chatText: 'chat-text',
  chatSend: 'chat-send',
  chatMessage: 'chat-message',
} as const
