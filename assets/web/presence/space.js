// A space as somebody in it knows it (PROTOCOL: presence): who is there, and the heartbeat that says that we are.

import { callObject } from "../net/api.js";
import { ObjectSocket } from "../net/object_socket.js";

/** Heartbeats in the time after which somebody without any is offline. */
const BEATS_PER_EXPIRY = 3;
/** Typing ends by itself after 5 s: who goes on says so again. */
const TYPING_EVERY_MS = 2_500;
/** Users who have gone that are remembered. */
const GONE_MAX = 50;

export class Space {
  /** `token()` promises a token for the space. `on` has `status(status)` and `changed()`. */
  constructor(name, { token, on, WebSocket }) {
    this.name = name;
    this.on = on;
    this.user = null;
    this.users = new Map();
    this.status = "online";
    this.watched = null;
    this.typedMs = null;
    this.socket = new ObjectSocket("presence", name, {
      token: () => this.ask(token),
      on: { message: (message) => this.hear(message), status: (status) => this.stands(status) },
      WebSocket,
    });
  }

  open() {
    return this.socket.open();
  }

  close() {
    clearInterval(this.beating);
    this.socket.close();
  }

  async ask(token) {
    const known = await token();
    this.rules = await callObject("presence", this.name, "rules", known);
    return known;
  }

  stands(status) {
    clearInterval(this.beating);
    if (status.phase === "open") {
      this.beat({ status: this.status, typing: false });
      if (this.watched) this.watch(this.watched);
      this.beating = setInterval(() => this.beat(), this.rules.expiry_ms / BEATS_PER_EXPIRY);
    }
    this.on.status(status);
  }

  hear(message) {
    if (message.t === "state") {
      this.user = message.user;
      const there = new Set(message.users.map(({ user }) => user));
      for (const seen of this.users.values()) if (!there.has(seen.user)) this.gone(seen);
      message.users.forEach((seen) => this.take(seen));
    } else if (message.t === "changes") {
      message.users.forEach((seen) => this.take(seen));
    } else {
      return;
    }
    this.forget();
    this.on.changed();
  }

  take(seen) {
    // The newest is last: those who went first are forgotten first.
    this.users.delete(seen.user);
    this.users.set(seen.user, seen);
  }

  gone(seen) {
    this.users.set(seen.user, { ...seen, status: "offline", typing: false });
  }

  forget() {
    const isKept = (user) => this.watched?.includes(user);
    const gone = [...this.users.values()].filter(({ user, status }) => status === "offline" && !isKept(user));
    for (const { user } of gone.slice(0, Math.max(0, gone.length - GONE_MAX))) this.users.delete(user);
  }

  // Every heartbeat without a status would bring back who wants to be offline.
  beat(change = {}) {
    if (this.status !== "offline" || change.status) this.socket.send({ t: "beat", ...change });
  }

  /** `online`, `away` or `offline`. */
  setStatus(status) {
    this.status = status;
    this.beat({ status });
  }

  /** Whether something is being written now; may be called with every key. */
  typing(isTyping, nowMs = performance.now()) {
    const isKnown = isTyping ? this.typedMs !== null && nowMs - this.typedMs < TYPING_EVERY_MS : this.typedMs === null;
    if (isKnown) return;
    this.typedMs = isTyping ? nowMs : null;
    this.beat({ typing: isTyping });
  }

  /** To be told of these alone; null: of everybody. */
  watch(users) {
    this.watched = users;
    this.users.clear();
    this.socket.send(users ? { t: "watch", users } : { t: "watch" });
  }

  /** Who writes something, but for ourselves. */
  get typists() {
    return [...this.users.values()].filter(({ user, typing }) => typing && user !== this.user).map(({ user }) => user);
  }
}
