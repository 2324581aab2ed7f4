// A room as somebody in it knows it (PROTOCOL: chat): what was said, how many are there, and what became of the
// message that was sent last.
//
// Not here: how it looks. One message is on its way at a time, so that a refusal is always that message's.

import { callObject } from "../net/api.js";
import { ObjectSocket } from "../net/object_socket.js";
import { ChatHistory } from "./history.js";

const PAGE = 100;
const utf8 = new TextEncoder();

export class Room {
  /**
   * `token()` promises a token for the room. `on` has `status(status)`, `welcomed()`, `message(message)`,
   * `notice(notice, isNews)` (`join`, `leave`), `deleted(id)`, `said()`, `refused(error, text)` and `mute(untilMs)` (null: not
   * muted, Infinity: without an end).
   */
  constructor(name, { token, on, WebSocket }) {
    this.name = name;
    this.on = on;
    this.history = new ChatHistory();
    this.user = null;
    this.members = 0;
    /** Users who came or spoke while we were here, and have not left. */
    this.present = new Set();
    this.rules = null;
    this.pending = null;
    this.socket = new ObjectSocket("chat", name, {
      token: () => this.ask(token),
      ping: { t: "ping" },
      on: { message: (message) => this.hear(message), status: (status) => this.stands(status) },
      WebSocket,
    });
  }

  open() {
    return this.socket.open();
  }

  close() {
    this.socket.close();
  }

  // The rules are asked for first: who may not enter is told why, which a socket cannot.
  async ask(token) {
    this.token = await token();
    this.rules = await callObject("chat", this.name, "rules", this.token);
    return this.token;
  }

  /** Bytes that a text is too long by, below 0 if it is not; null while the room's rules are not known. */
  excess(text) {
    return this.rules && utf8.encode(text).length - this.rules.text_bytes_max;
  }

  /** Sends a text, unless there is no connection or one is on its way. */
  say(text) {
    if (this.pending !== null || !this.socket.send({ t: "say", text })) return false;
    this.pending = { text, after: this.history.newestId };
    return true;
  }

  /** Promises the messages before the oldest one known. */
  async older() {
    const body = { before: this.history.oldestId, limit: PAGE };
    const { messages, more } = await callObject("chat", this.name, "history", this.token, body);
    return this.history.prepend(messages, more);
  }

  stands(status) {
    if (status.phase === "ended") this.giveBack({ code: "failed", detail: "It was not sent." });
    this.on.status(status);
  }

  hear(message) {
    switch (message.t) {
      case "welcome": return this.welcomed(message);
      case "message": return this.take(message);
      case "join":
      case "leave": return this.moved(message);
      case "members": return this.movedTogether(message);
      case "deleted":
        this.history.remove(message.id);
        return this.on.deleted(message.id);
      case "muted": return this.on.mute(message.until_unix_ms ?? Infinity);
      case "unmuted": return this.on.mute(null);
      case "error": return this.giveBack(message);
      default: return undefined;
    }
  }

  welcomed({ user, members, messages, more }) {
    this.user = user;
    this.members = members;
    this.history.welcome(messages, more);
    this.on.welcomed();
    // Whether what was on its way when the connection ended was said: the history has it, or it never will.
    if (this.pending === null) return;
    const { text, after } = this.pending;
    const isSaid = messages.some((message) => message.id > after && message.user === user && message.text === text);
    if (isSaid) this.settle();
    else this.giveBack({ code: "failed", detail: "The connection was lost before it was sent." });
  }

  // After a restart everybody joins anew: whoever was known to be here has not come.
  moved(message) {
    this.members = message.members;
    const isNews = message.t === "leave" || !this.present.has(message.user);
    if (message.t === "leave") this.present.delete(message.user);
    else this.present.add(message.user);
    this.on.notice(message, isNews);
  }

  // Several at once: each as if it were told alone. Of ourselves we are not told alone.
  movedTogether({ members, joined, left }) {
    const moved = (t) => (user) => this.moved({ t, user, members });
    joined.filter((user) => user !== this.user).forEach(moved("join"));
    left.forEach(moved("leave"));
  }

  take(message) {
    if (!this.history.add(message)) return;
    this.present.add(message.user);
    this.on.message(message);
    if (message.user === this.user && message.text === this.pending?.text) this.settle();
  }

  settle() {
    this.pending = null;
    this.on.said();
  }

  // What was not taken goes back to whoever wrote it.
  giveBack(error) {
    const text = this.pending?.text ?? null;
    this.pending = null;
    if (text !== null || error.t === "error") this.on.refused(error, text);
  }
}
