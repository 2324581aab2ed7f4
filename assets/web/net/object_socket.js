// The socket of an object that talks in JSON (PROTOCOL: objects): opens it with a user token, opens it again when it
// was lost, by a resume token where the server gave one, and says in words how it stands.
//
// Invariant: there is at most one socket and one timer. After `close()` or an end nothing happens until `open()`.

import { ApiError, objectSocketUrl } from "./api.js";
import { Backoff } from "./backoff.js";

/** How often a socket with a `ping` says it. */
const PING_EVERY_MS = 10_000;
/** A socket with a `ping` that hears nothing for so long is lost. */
const SILENCE_MS = 25_000;
const RESUME = "resume=";

const BROKEN = ["This page and the server disagree", "Reload the page. If that does not help, report it."];
const CLOSED = ["No entry", "Here a token says who you are. Ask whoever runs this server for a link that brings one."];
/** Codes after which nobody comes back by themselves; every other end is a lost connection. */
const ENDS = {
  1000: ["It is over", "The server has closed this."],
  1001: ["It is gone", "Somebody who runs this server removed it."],
  1007: BROKEN, 1009: BROKEN, 4400: BROKEN, 4426: BROKEN, 4429: BROKEN,
  4401: CLOSED,
  4423: ["No place is free", "As many are here as may be, or you have too many windows open."],
};
const LOST = { 1012: "The server restarts.", 1013: "The server has too much to do.", 4420: "The connection is too slow." };

export class ObjectSocket {
  /**
   * `token()` promises a user token. `on` has `message(message)` and `status(status)`: `{ phase, words }`, phase one
   * of `connecting`, `open`, `waiting` (with `retryMs` and `tries`), `ended` (with `title`).
   */
  constructor(className, name, { token, on, ping = null, WebSocket = globalThis.WebSocket }) {
    Object.assign(this, { className, name, token, on, ping, WebSocket });
    this.backoff = new Backoff();
    this.socket = null;
    this.timer = null;
    this.resume = null;
    this.phase = "ended";
    this.attempt = 0;
  }

  async open() {
    this.drop();
    const attempt = this.attempt;
    this.say({ phase: "connecting", words: "One moment." });
    let query = null;
    try {
      query = this.resume ? { resume: this.resume } : { token: await this.token() };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (attempt === this.attempt) this.refused(error);
      return;
    }
    // It was closed, or opened once more, in the meantime.
    if (attempt === this.attempt) this.connect(query);
  }

  connect(query) {
    const socket = new this.WebSocket(objectSocketUrl(this.className, this.name, query));
    const mine = (act) => (event) => this.socket === socket && act(event);
    socket.onopen = mine(() => this.opened());
    socket.onmessage = mine((event) => this.hear(event.data));
    socket.onclose = mine((event) => this.lost(event));
    this.socket = socket;
  }

  opened() {
    this.resume = null;
    this.backoff.reset();
    this.heardMs = performance.now();
    if (this.ping) this.watch = setInterval(() => this.look(), PING_EVERY_MS);
    this.say({ phase: "open", words: "" });
  }

  get isOpen() {
    return this.phase === "open";
  }

  /** Whether it was sent: nothing waits for a connection. */
  send(message) {
    if (this.isOpen) this.socket.send(JSON.stringify(message));
    return this.isOpen;
  }

  /** Tries again at once if it waits to. */
  hurry() {
    if (this.timer !== null) this.open();
  }

  close() {
    this.drop();
    this.phase = "ended";
  }

  hear(data) {
    this.heardMs = performance.now();
    this.on.message(JSON.parse(data));
  }

  look() {
    if (performance.now() - this.heardMs > SILENCE_MS) return this.lost({ code: 1006, reason: "" });
    return this.send(this.ping);
  }

  lost({ code, reason }) {
    this.drop();
    if (ENDS[code]) return this.end(ENDS[code]);
    if (code === 1012 && reason.startsWith(RESUME)) this.resume = reason.slice(RESUME.length);
    if (code === 4003) this.resume = null;
    return this.retry(LOST[code] ?? "The connection is gone.");
  }

  refused({ status, message }) {
    this.drop();
    if (status === 401 || status === 403) return this.end(CLOSED);
    const mayPass = status === 0 || status === 429 || status >= 500;
    return mayPass ? this.retry(message) : this.end(["That does not work", message]);
  }

  retry(words) {
    const retryMs = this.backoff.next();
    if (retryMs === null) return this.end(["The server does not answer", "It was tried 15 times."]);
    this.timer = setTimeout(() => this.open(), retryMs);
    return this.say({ phase: "waiting", words, retryMs, tries: this.backoff.tries });
  }

  end([title, words]) {
    this.backoff.reset();
    this.say({ phase: "ended", title, words });
  }

  drop() {
    this.attempt += 1;
    clearInterval(this.watch);
    clearTimeout(this.timer);
    this.timer = null;
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  say(status) {
    this.phase = status.phase;
    this.on.status(status);
  }
}
