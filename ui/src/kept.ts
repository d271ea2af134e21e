// What the web view itself remembers of this window, because it belongs to this window and to nothing else. Where it may keep
// nothing, as in some browsers, everything begins afresh.

export const kept = {
  read(key: string): string | null {
    try {
      return localStorage.getItem(key)
    } catch {
      return null
    }
  },
  write(key: string, value: string): void {
    try {
      localStorage.setItem(key, value)
    } catch {
      // Forgotten with the window, then.
    }
  },
}
