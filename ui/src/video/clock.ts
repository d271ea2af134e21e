// Rust's clock as seen from the webview. Not a clock synchronisation: both run on one machine, so all that is needed is a line
// between two clocks with different origins. Each answer carries Rust's time of writing; it arrives later by however long the pipe
// took. The smallest difference seen is the nearest to the truth, so an answer that waited does not push the pictures after it back.

/** How long a smallest difference counts. Short enough to heal after the system's clock was set, long enough to outlast a busy spell. */
const WINDOW_MS = 10_000

/** Maps Rust's Unix milliseconds to the webview's monotonic ones. */
export class RustClock {
  /** Smallest difference of the current window and of the one before; two buckets are a sliding minimum without a list. */
  #current = Number.POSITIVE_INFINITY
  #previous = Number.POSITIVE_INFINITY
  #windowBegan = Number.NEGATIVE_INFINITY

  /** An answer written at `sent` (Rust) arrived at `now` (webview). */
  observe(sent: number, now: number): void {
    const elapsed = now - this.#windowBegan
    if (elapsed >= WINDOW_MS) {
      this.#previous = elapsed < 2 * WINDOW_MS ? this.#current : Number.POSITIVE_INFINITY
      this.#current = Number.POSITIVE_INFINITY
      this.#windowBegan = now
    }
    this.#current = Math.min(this.#current, now - sent)
  }

  /** When the webview's clock shows what Rust's shows at `rust`; `now` when nothing was observed yet. */
  toLocal(rust: number, now: number): number {
    const offset = Math.min(this.#current, this.#previous)
    return Number.isFinite(offset) ? rust + offset : now
  }
}
