// Every English sentence of the guest's page that the app has not. Its shape is that of the other languages.

export const en = {
  looking: 'Looking at the link',

  lobby: {
    title: (room: string) => `Join the call in “${room}”`,
    titleDirect: 'Join the call',
    invitedBy: (name: string, space: string) => `${name} invites you. The space is called “${space}”.`,
    nobody: 'Nobody is in the call yet.',
    with: (names: string) => `In the call now: ${names}`,
    name: 'Your name',
    nameHint: 'How the others see you.',
    nameMissing: 'Write your name.',
    knock: 'Ask to come in',
    join: 'Join the call',
    open: 'Whoever has this link comes in at once.',
    privacy: 'Picture and sound go straight from browser to browser, encrypted.',
    starting: 'The camera starts…',
    allow:
      'Your browser asks whether this page may use camera and microphone. Allow it, so that the others see and hear you.',
    cameraIsOff: 'Your camera is off',
    devices: 'Camera, microphone and speaker',
    tryAgain: 'Try again',
  },

  waiting: {
    title: 'You have knocked',
    lead: 'Somebody in the call will let you in. Keep this page open.',
    joining: 'Coming in…',
    cancel: 'Stop waiting',
  },

  call: {
    alone: 'Nobody else is here at the moment.',
    aloneLead: 'Stay: you will see them when they come.',
    away: 'The server cannot be reached. Who is connected still hears you; trying again…',
    soundBlocked: 'Your browser keeps the sound off',
    soundOn: 'Turn the sound on',
    leave: 'Leave the call',
    chatNobody: 'Nobody is connected who could read it.',
    somebody: 'Somebody',
  },

  over: {
    left: 'You left the call',
    leftLead: 'You can come back by the same link while the call goes on.',
    lost: 'The connection was lost',
    lostLead: 'Nothing was heard of the others for half a minute. Check your connection.',
    refused: 'You were not let in',
    refusedLead: 'Nobody wanted to open just now. Ask the person who sent you the link.',
    removed: 'You were removed from the call',
    removedLead: 'Somebody in the call ended your part in it.',
    call_over: 'The call is over',
    call_overLead: 'Thank you for being there. You can close this page.',
    link_over: 'The link is not valid any more',
    link_overLead: 'It was withdrawn or has expired while you waited. Ask for a new one.',
    again: 'Join again',
    knockAgain: 'Knock again',
  },

  noLink: {
    not_found: 'There is no such link',
    not_foundLead: 'Perhaps a part of it is missing. Copy all of it and open it again.',
    link_expired: 'The link is not valid any more',
    link_expiredLead: 'It has expired, or the call is over. Ask for a new one.',
    offline: 'The server cannot be reached',
    offlineLead: 'Check your connection, then try again.',
    other: 'The server cannot answer at the moment',
    otherLead: 'Try again in a while.',
  },

  unfit: {
    insecure: 'This page is not on a secure connection',
    insecureLead:
      'Browsers give camera and microphone only to pages on https. Open the link with https://, or ask who runs the server.',
    unsupported: 'This browser cannot hold calls',
    unsupportedLead: 'Use a current Chrome, Edge, Firefox or Safari.',
  },

  problems: {
    camera_denied:
      'This page may not use your camera. Allow it by the sign beside the address, then try again.',
    camera_system: 'Your system does not let the browser use the camera. Allow it in the system’s settings.',
    camera_not_found: 'No camera was found. The others will not see you.',
    camera_busy: 'Your camera is used by another program. Close that, then try again.',
    camera_gone: 'Your camera was disconnected.',
    camera_other:
      'Your camera does not work at the moment. Unplug it and plug it in again, or choose another.',
    microphone_denied:
      'This page may not use your microphone. Allow it by the sign beside the address, then try again.',
    microphone_system:
      'Your system does not let the browser use the microphone. Allow it in the system’s settings.',
    microphone_not_found: 'No microphone was found. The others will not hear you.',
    microphone_busy: 'Your microphone is blocked by another program. Close that, then try again.',
    microphone_gone: 'Your microphone was disconnected. The others do not hear you.',
    microphone_other: 'Your microphone does not work at the moment. The others do not hear you.',
    rate_limited: 'Too many have knocked in a short time. Wait a moment, then try again.',
    unavailable: 'Too many wait at the door, or the server is busy. Try again in a while.',
    offline: 'The server cannot be reached. Check your connection.',
    bad_request: 'The server does not take this name. Write another.',
    other: 'That did not work. Try again in a while.',
  },
}

/** The shape that every language has. */
export type Words = typeof en
