// Every `data-testid`: what tests and WebDriver hold on to. They do not change when words or looks do.
//
// Beside these, for whoever drives the window from outside:
//   room rows     data-room="<room id>"; `aria-current="page"` on the shown one
//   person rows   data-user="<user id>"
//   messages      data-key="<key>", data-seq="<seq or empty>", data-delivery="sending|sent|failed", data-own="true|false"
//   stage         data-phase="outgoing|connecting|active|ended"
//   tiles         data-device="<device id, or self>", data-microphone, data-camera, data-speaking ("true|false")
//   pictures      <canvas data-stream="self|preview|<device id>">, whose width and height are those of the video;
//                 data-frames counts the pictures drawn on it

export const ids = {
  // first start
  startHost: 'start-host',
  startJoin: 'start-join',
  startSignIn: 'start-sign-in',
  startBack: 'start-back',
  hostSpace: 'host-space',
  hostRoom: 'host-room',
  joinLink: 'join-link',
  joinInfo: 'join-info',
  signInServer: 'sign-in-server',
  accountName: 'account-name',
  accountUsername: 'account-username',
  accountPassword: 'account-password',
  submit: 'submit',
  formError: 'form-error',
  hostReady: 'host-ready',
  enter: 'enter',

  // invitation link, on the host's last page and in the dialog
  inviteLink: 'invite-link',
  inviteCopy: 'invite-copy',

  // main window
  main: 'main',
  rail: 'rail',
  roomRow: 'room-row',
  personRow: 'person-row',
  unread: 'unread',
  roomAccept: 'room-accept',
  roomDecline: 'room-decline',
  spaceMenu: 'space-menu',
  goTo: 'go-to',
  newRoom: 'new-room',
  newRoomName: 'new-room-name',
  newRoomTopic: 'new-room-topic',
  invitePeople: 'invite-people',
  settingsOpen: 'settings-open',
  connectionLine: 'connection-line',
  keyChanged: 'key-changed',
  keyTrust: 'key-trust',
  toast: 'toast',
  toastAction: 'toast-action',

  // a room
  roomTitle: 'room-title',
  roomBack: 'room-back',
  roomMenu: 'room-menu',
  roomPeople: 'room-people',
  peoplePanel: 'people-panel',
  roomInviteRow: 'room-invite-row',
  callAudio: 'call-audio',
  callVideo: 'call-video',
  timeline: 'timeline',
  message: 'message',
  messageText: 'message-text',
  messageCopy: 'message-copy',
  notice: 'notice',
  retry: 'retry',
  discard: 'discard',
  newLine: 'new-line',
  daySeparator: 'day-separator',
  loadEarlier: 'load-earlier',
  jumpNewest: 'jump-newest',
  typing: 'typing',
  composer: 'composer',
  composerSend: 'composer-send',

  // calls
  incoming: 'incoming',
  incomingAccept: 'incoming-accept',
  incomingAcceptVideo: 'incoming-accept-video',
  incomingDecline: 'incoming-decline',
  stage: 'stage',
  tile: 'tile',
  tileMuted: 'tile-muted',
  tileMessage: 'tile-message',
  callTimer: 'call-timer',
  callStatus: 'call-status',
  callMicrophone: 'call-microphone',
  callCamera: 'call-camera',
  callHangUp: 'call-hang-up',
  callDevices: 'call-devices',
  callFull: 'call-full',
  callBar: 'call-bar',
  callBarShow: 'call-bar-show',
  callBarMicrophone: 'call-bar-microphone',
  callBarHangUp: 'call-bar-hang-up',

  // settings
  settings: 'settings',
  settingsProfile: 'settings-profile',
  settingsDevices: 'settings-devices',
  settingsAppearance: 'settings-appearance',
  settingsNotifications: 'settings-notifications',
  settingsAbout: 'settings-about',
  profileName: 'profile-name',
  profileSave: 'profile-save',
  signOut: 'sign-out',
  confirm: 'confirm',
  cameraSelect: 'camera-select',
  microphoneSelect: 'microphone-select',
  speakerSelect: 'speaker-select',
  level: 'level',
  testSpeaker: 'test-speaker',
  themeSelect: 'theme-select',
  languageSelect: 'language-select',
  notifySwitch: 'notify-switch',

  // sheets
  shortcuts: 'shortcuts',
  switcher: 'switcher',
  switcherInput: 'switcher-input',
  switcherOption: 'switcher-option',
} as const
