// The match's chat over the arena: the last lines fade, Enter opens it and Escape closes it, and what is typed
// steers nothing.
//
// Who we are there is said by the token of the welcome, another one each time.

import { Compose, wordsOf } from "../chat/compose.js";
import { ChatLog } from "../chat/log.js";
import { Room } from "../chat/room.js";
import { byId, say, show } from "./dom.js";

/** How long a line is there while the chat is closed. */
const LINE_MS = 9_000;

export class MatchChat {
  /** `leave()` gives the keys back to the arena. */
  constructor(match, controls, colour, leave) {
    this.match = match;
    this.controls = controls;
    this.leave = leave;
    this.panel = byId("chat");
    this.log = new ChatLog(byId("chat-log"), { colour });
    this.token = null;
    this.unread = 0;
    this.isStopped = false;
    this.room = new Room(match.id, { token: () => Promise.resolve(this.token), on: this.told() });
    byId("chat-text").value = "";
    this.compose = new Compose({ form: byId("chat-form"), text: byId("chat-text"), problem: byId("chat-problem") }, this.room);
    // Behind the compose's own listener: it has been sent by then.
    byId("chat-form").addEventListener("submit", () => this.sent(), { signal: this.compose.listening.signal });
    this.close();
    show(this.panel, false);
    show(byId("chat-open"), false);
  }

  /** The match has welcomed us; a server without chats gives no token. */
  welcomed({ chat_token: token }) {
    this.token = token ?? null;
    for (const part of [this.panel, byId("chat-open")]) show(part, this.token !== null);
    if (this.token !== null && !this.room.socket.isOpen) this.room.open();
  }

  stop() {
    this.isStopped = true;
    this.room.close();
    this.compose.stop();
    this.panel.dataset.open = "false";
  }

  told() {
    return {
      status: ({ phase, words }) => {
        const isHere = phase === "open";
        byId("chat-text").placeholder = isHere ? "Say something to everybody in the match" : `No chat: ${words || "one moment."}`;
      },
      welcomed: () => this.filled(),
      message: (message) => this.take(message),
      // Who comes and goes is in the feed of the match.
      notice: () => {},
      deleted: (id) => this.log.remove(id),
      said: () => this.compose.said(),
      // It waits in the field; whoever plays is not taken away from that.
      refused: (error, text) => {
        this.compose.refused(error, text);
        if (!this.isOpen) this.fade(this.log.note(wordsOf(error)));
      },
      mute: (untilMs) => this.compose.mute(untilMs),
    };
  }

  // What was said before is there for who opens the chat, and does not cover the arena.
  filled() {
    this.log.fill(this.room.history.messages, this.room.user);
    for (const line of byId("chat-log").children) line.classList.add("old");
  }

  take(message) {
    this.fade(this.log.add(message, this.room.user));
    if (this.isOpen || message.user === this.room.user) return;
    this.unread += 1;
    this.count();
  }

  fade(line) {
    setTimeout(() => line.classList.add("old"), LINE_MS);
    if (!this.isOpen) this.log.toEnd();
  }

  get isOpen() {
    return this.panel.dataset.open === "true";
  }

  open() {
    if (this.token === null || this.isStopped) return;
    this.panel.dataset.open = "true";
    this.controls.release();
    this.unread = 0;
    this.count();
    show(byId("chat-form"), true);
    this.log.toEnd();
    byId("chat-text").focus({ preventScroll: true });
  }

  close() {
    this.panel.dataset.open = "false";
    show(byId("chat-form"), false);
    this.compose.tell("");
    this.log.toEnd();
    this.count();
  }

  /** Whether the key was for the chat. */
  key(event) {
    if (this.isOpen && event.code === "Escape") {
      this.close();
      this.leave();
      return true;
    }
    const isFree = !event.target.closest?.("button, input, select, textarea");
    if (this.isOpen || !isFree || !["Enter", "NumpadEnter"].includes(event.code)) return false;
    event.preventDefault();
    this.open();
    return true;
  }

  // What was sent closes the chat, as one plays on.
  sent() {
    if (byId("chat-text").value.trim() !== "") return;
    this.close();
    this.leave();
  }

  count() {
    say(byId("chat-unread"), this.unread === 0 ? "" : String(this.unread));
  }
}
