// What was begun in each room and not sent. It lives as long as the window: it is the reader's, not the space's.

const begun = new Map<string, string>()

export const drafts = {
  get: (room: string): string => begun.get(room) ?? '',
  set(room: string, text: string): void {
    if (text === '') begun.delete(room)
    else begun.set(room, text)
  },
  clear: () => begun.clear(),
}
