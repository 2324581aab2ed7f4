// When a client that lost its connection tries again: 100 ms to 5 s, doubling, with jitter, 15 times.

export const DELAY_MIN_MS = 100;
export const DELAY_MAX_MS = 5000;
export const TRIES_MAX = 15;

/** The waits of one client. `random` gives numbers from 0 up to 1. */
export class Backoff {
  constructor(random = Math.random) {
    this.random = random;
    this.tries = 0;
  }

  /** Milliseconds before the next try, at least what the server asked for; null after the last one. */
  next(askedMs = 0) {
    if (this.tries >= TRIES_MAX) return null;
    const ceiling = Math.min(2 * DELAY_MIN_MS * 2 ** this.tries, DELAY_MAX_MS);
    this.tries += 1;
    const jittered = ceiling / 2 + (ceiling / 2) * this.random();
    return Math.max(jittered, askedMs + (askedMs / 4) * this.random());
  }

  /** The connection holds again. */
  reset() {
    this.tries = 0;
  }
}
