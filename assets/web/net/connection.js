// The socket of a session: opens it, opens it again when it was lost, and says in words how it stands.
//
// Invariant: there is at most one socket and one timer. After `close()` or an end nothing happens any more.

import { Backoff } from "./backoff.js";
import { After, meaning } from "./codes.js";
import { leave, ping, read, SUBPROTOCOL } from "./wire.js";

/** Nothing for so long and the connection counts as lost: states come 60 times a second. */
const SILENCE_MS = 5000;
const PING_EVERY_MS = 1000;

export class Connection {
  /**
   * `session` says hello; `on` has `message(message, nowMs)`, `status(status)` and `ping(ms)`. A status is
   * `{ phase, words }`, phase one of `connecting`, `playing`, `waiting` (with `retryMs` and `tries`), `ended`
   * (with `title` and `code`).
   */
  constructor(url, session, on) {
    this.url = url;
    this.session = session;
    this.on = on;
    this.backoff = new Backoff();
    this.socket = null;
    this.timer = null;
    this.over = false;
    this.nonce = 0;
    this.hasPlayed = session.seat !== null;
  }

  open() {
    if (this.over) return;
    clearTimeout(this.timer);
    this.timer = null;
    this.say({ phase: "connecting", words: this.hasPlayed ? "Coming back to your seat" : "Joining" });
    this.askedMs = 0;
    this.heardMs = performance.now();
    const socket = new WebSocket(this.url, [SUBPROTOCOL]);
    socket.binaryType = "arraybuffer";
    // A socket that was given up must not speak for its successor.
    const mine = (act) => (event) => this.socket === socket && act(event);
    socket.onopen = mine(() => socket.send(this.session.hello()));
    socket.onmessage = mine((event) => this.hear(event.data));
    socket.onclose = mine((event) => this.ended(event.code));
    this.socket = socket;
    this.watch = setInterval(() => this.look(), PING_EVERY_MS);
  }

  /** Sends a message if there is a connection; one that cannot take it is not waited for. */
  send(bytes) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(bytes);
  }

  /** Tries again at once if it waits to: the network is back, or the player is impatient. */
  hurry() {
    if (this.timer !== null) this.open();
  }

  /** Gives the seat up and ends. */
  leave() {
    this.send(leave());
    this.close();
  }

  close() {
    this.over = true;
    this.drop();
  }

  hear(data) {
    const nowMs = performance.now();
    this.heardMs = nowMs;
    let message;
    try {
      message = read(new Uint8Array(data));
      if (message.t === "pong") return this.pong(message.nonce, nowMs);
      if (message.t === "bye") this.askedMs = message.retry_after_ms ?? 0;
      if (message.t === "welcome") this.welcomed(message, nowMs);
      this.on.message(message, nowMs);
    } catch (error) {
      console.error("a message of the server could not be read:", error);
      this.drop();
      this.finish({ ...meaning(4426), code: 4426 });
    }
  }

  welcomed(welcome, nowMs) {
    this.session.onWelcome(welcome, nowMs);
    this.backoff.reset();
    this.hasPlayed = true;
    this.say({ phase: "playing", words: "" });
  }

  pong(nonce, nowMs) {
    if (nonce === this.nonce) this.on.ping(nowMs - this.pingedMs);
  }

  // Once a second: is the other side still there?
  look() {
    const nowMs = performance.now();
    if (nowMs - this.heardMs > SILENCE_MS) return this.ended(1006);
    this.nonce = (this.nonce + 1) % 0x100000000;
    this.pingedMs = nowMs;
    if (this.session.welcome) this.send(ping(this.nonce));
  }

  ended(code) {
    this.drop();
    const { after, words, title } = meaning(code);
    if (after === After.END) return this.finish({ title, words, code });
    if (after === After.JOIN) this.session.forgetSeat();
    const retryMs = this.backoff.next(this.askedMs);
    if (retryMs === null) {
      return this.finish({ title: "The server does not answer", words: "It was tried 15 times.", code: 1006 });
    }
    this.say({ phase: "waiting", words, retryMs, tries: this.backoff.tries });
    this.timer = setTimeout(() => this.open(), retryMs);
  }

  finish({ title, words, code }) {
    this.over = true;
    this.say({ phase: "ended", title, words, code });
  }

  drop() {
    clearInterval(this.watch);
    clearTimeout(this.timer);
    this.timer = null;
    const socket = this.socket;
    this.socket = null;
    this.session.onClosed();
    socket?.close();
  }

  say(status) {
    this.on.status(status);
  }
}
