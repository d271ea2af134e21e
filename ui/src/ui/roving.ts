// A list that is one stop of the tab key: arrows move the focus among its items, Home and End go to its ends. Works on whatever is in
// the document, so the list's items may be nested in sections as the rail's are.

/** Handles a key pressed inside `list`, whose stops match `selector`. */
export function moveFocus(event: KeyboardEvent, list: HTMLElement, selector: string): void {
  if (event.ctrlKey || event.altKey || event.metaKey) return
  const items = [...list.querySelectorAll<HTMLElement>(selector)]
  const at = items.findIndex((item) => item.contains(document.activeElement))
  if (at < 0) return
  const to =
    event.key === 'ArrowDown'
      ? Math.min(at + 1, items.length - 1)
      : event.key === 'ArrowUp'
        ? Math.max(at - 1, 0)
        : event.key === 'Home'
          ? 0
          : event.key === 'End'
            ? items.length - 1
            : undefined
  if (to === undefined) return
  event.preventDefault()
  items[to]?.focus()
}
