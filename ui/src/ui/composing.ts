// Keys of input methods.

/** Whether a key belongs to an input method that is composing, Safari's late Enter (229) included. */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229
}
