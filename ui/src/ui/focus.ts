// Where the focus goes when something opens over the window, and where it returns when that closes. Kobalte gives it to the first
// thing inside, which is the button that closes, and back to a dialog's trigger, which ours have none of: a shortcut opens them too.

/** Remembers what has the focus now; hand the result to a dialog's `onCloseAutoFocus`. */
export function returnFocus(): (event: Event) => void {
  const before = document.activeElement
  return (event) => {
    event.preventDefault()
    const gone = !(before instanceof HTMLElement) || !before.isConnected || before === document.body
    const target = gone ? document.querySelector<HTMLElement>('.composer textarea') : before
    target?.focus({ preventScroll: true })
  }
}

/** For a dialog's `onOpenAutoFocus`: to the field that wants it, else to the dialog itself, where Tab and Escape go on from. */
export function focusFirst(event: Event): void {
  event.preventDefault()
  const dialog =
    event.target instanceof HTMLElement
      ? event.target
      : document.querySelector<HTMLElement>('[role="dialog"]')
  // Now it may not be in the document yet.
  setTimeout(() => {
    if (dialog?.contains(document.activeElement)) return
    const wanted = dialog?.querySelector<HTMLElement>('[autofocus]') ?? dialog
    wanted?.focus({ preventScroll: true })
  })
}
