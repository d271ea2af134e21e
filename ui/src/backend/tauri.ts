// The backend inside the app's window: every method is the Tauri command of the same name in snake_case (`inspectLink` →
// `inspect_link`), called with one object whose keys are the parameters' names as they stand in backend.ts (camelCase, Tauri's
// default). A command without parameters gets none. `NewAccount`, `LinkInfo` and `About` have camelCase fields; the types in
// `bindings/` have Rust's own.
//
//   errors   a command rejects with a `Problem` ({code, detail}); anything else, such as a command that is not there, becomes
//            one with the code `internal`, so that nobody above has to look at what was thrown.
//   video    `pull_video` answers raw bytes (`tauri::ipc::Response`), laid out as video/packet.ts says.
//   events   to this window: 'update' (an `Update`), 'level' (a number from 0 to 1), 'open-room' (a room's id).

import { invoke } from '@tauri-apps/api/core'
import { listen } from '@tauri-apps/api/event'
import { parsePackets } from '../video/packet'
import type { Backend } from './backend'
import { toProblem } from './problem'

async function command<T>(name: string, parameters?: Record<string, unknown>): Promise<T> {
  try {
    return await invoke<T>(name, parameters)
  } catch (thrown) {
    throw toProblem(thrown)
  }
}

/** Listens from now until the returned function is called, also when that happens before Tauri has answered. */
function subscribe<T>(event: string, listener: (payload: T) => void): () => void {
  let stopped = false
  let unlisten: (() => void) | undefined
  listen<T>(event, ({ payload }) => {
    if (!stopped) listener(payload)
  }).then(
    (stop) => {
      if (stopped) stop()
      else unlisten = stop
    },
    (thrown) => console.error(`cannot listen to ${event}`, thrown),
  )
  return () => {
    stopped = true
    unlisten?.()
  }
}

/** The app's own backend. */
export function tauriBackend(): Backend {
  return {
    account: () => command('account'),
    connection: () => command('connection'),
    host: (spaceName, roomName, account) => command('host', { spaceName, roomName, account }),
    inspectLink: (link) => command('inspect_link', { link }),
    join: (link, account) => command('join', { link, account }),
    signIn: (server, username, password) => command('sign_in', { server, username, password }),
    signOut: () => command('sign_out'),
    setDisplayName: (name) => command('set_display_name', { name }),
    invitationLink: (rooms, uses) => command('invitation_link', { rooms, uses }),
    trustNewKey: () => command('trust_new_key'),

    rooms: () => command('rooms'),
    people: () => command('people'),
    createRoom: (name, topic) => command('create_room', { name, topic }),
    openDirect: (user) => command('open_direct', { user }),
    inviteToRoom: (room, user) => command('invite_to_room', { room, user }),
    joinRoom: (room) => command('join_room', { room }),
    leaveRoom: (room) => command('leave_room', { room }),
    kick: (room, user) => command('kick', { room, user }),
    renameRoom: (room, name, topic) => command('rename_room', { room, name, topic }),

    timeline: (room, before, limit) => command('timeline', { room, before, limit }),
    send: (room, text) => command('send', { room, text }),
    retry: (txn) => command('retry', { txn }),
    discard: (txn) => command('discard', { txn }),
    markRead: (room, seq) => command('mark_read', { room, seq }),
    typing: (room, active) => command('typing', { room, active }),

    call: () => command('call'),
    ring: (room, video) => command('ring', { room, video }),
    accept: (video) => command('accept', { video }),
    decline: () => command('decline'),
    hangUp: () => command('hang_up'),
    setMicrophone: (on) => command('set_microphone', { on }),
    setCamera: (on) => command('set_camera', { on }),
    setTile: (device, width, height) => command('set_tile', { device, width, height }),

    guestLinks: () => command('guest_links'),
    makeGuestLink: (admission) => command('make_guest_link', { admission }),
    revokeGuestLink: (id) => command('revoke_guest_link', { id }),
    admitGuest: (device) => command('admit_guest', { device }),
    refuseGuest: (device) => command('refuse_guest', { device }),
    removeGuest: (device) => command('remove_guest', { device }),
    sayInCall: (text) => command('say_in_call', { text }),
    callChat: () => command('call_chat'),

    devices: () => command('devices'),
    chooseDevice: (kind, id) => command('choose_device', { kind, id }),
    startPreview: () => command('start_preview'),
    stopPreview: () => command('stop_preview'),
    testSpeaker: () => command('test_speaker'),

    pullVideo: async () => parsePackets(await command<ArrayBuffer>('pull_video')),
    requestKeyframe: (stream) => command('request_keyframe', { stream }),

    preferences: () => command('preferences'),
    setPreferences: (preferences) => command('set_preferences', { preferences }),
    about: () => command('about'),
    copyText: (text) => command('copy_text', { text }),
    setAttention: (focused, room) => command('set_attention', { focused, room }),

    onUpdate: (listener) => subscribe('update', listener),
    onLevel: (listener) => subscribe('level', listener),
    onOpenRoom: (listener) => subscribe('open-room', listener),
  }
}
