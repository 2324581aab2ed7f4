// Where one writes: what may be sent, what is on its way, and why something was not taken, all in one place.

import { say, show } from "../ui/dom.js";

/** How much of a text's room is used before what is left is shown. */
const SHOW_LEFT_FROM = 0.8;
const MINUTE_MS = 60_000;

/** Why a message was not taken, for a person. */
export function wordsOf({ code, detail, retry_after_ms: waitMs }) {
  if (code === "too_fast") return `Too fast. Wait ${Math.max(0.1, (waitMs ?? 1000) / 1000).toFixed(1)} s, then send it again.`;
  if (code === "not_allowed") return "A moderator has muted you here.";
  return `Not sent: ${detail}`;
}

/** Until when somebody is muted, for a person. */
export function wordsOfMute(untilMs) {
  if (untilMs === Infinity) return "A moderator has muted you here.";
  const until = new Date(untilMs);
  const isSoon = untilMs - Date.now() < 24 * 60 * MINUTE_MS;
  return `A moderator has muted you until ${isSoon ? until.toLocaleTimeString() : until.toLocaleString()}.`;
}

export class Compose {
  /** `parts` are the form, its `text` field, `problem` and, where they are shown, `left` and `button`. */
  constructor({ form, text, problem, left, button }, room, { typing = () => {} } = {}) {
    Object.assign(this, { form, text, problem, left, button, room, typing });
    this.isShutOut = true;
    this.listening = new AbortController();
    const on = (target, name, act) => target.addEventListener(name, act, { signal: this.listening.signal });
    on(form, "submit", (event) => {
      event.preventDefault();
      this.send();
    });
    on(text, "input", () => this.edited());
    on(text, "keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    this.tell("");
    this.edited();
  }

  stop() {
    this.listening.abort();
    clearTimeout(this.muteEnds);
  }

  tell(words) {
    say(this.problem, words);
    show(this.problem, words !== "");
  }

  edited() {
    const { value } = this.text;
    const excess = this.room.excess(value);
    this.typing(value.trim() !== "");
    if (excess === null || !this.left) return;
    const bytesMax = this.room.rules.text_bytes_max;
    const shown = excess > -(1 - SHOW_LEFT_FROM) * bytesMax;
    show(this.left, shown);
    say(this.left, excess > 0 ? `${excess} too many` : `${-excess} left`);
    this.left.classList.toggle("over", excess > 0);
    if (excess <= 0 && this.isTooLong) this.tell("");
    this.isTooLong = excess > 0;
  }

  /** Whether it is on its way. */
  send() {
    const text = this.text.value;
    if (text.trim() === "") return false;
    const excess = this.room.excess(text);
    if (excess > 0) {
      this.isTooLong = true;
      this.tell(`Too long by ${excess} bytes: a message has at most ${this.room.rules.text_bytes_max}.`);
      return false;
    }
    if (!this.room.say(text)) {
      if (!this.room.socket.isOpen) this.tell("Not connected: it is still here, send it again in a moment.");
      return false;
    }
    this.text.value = "";
    this.tell("");
    this.edited();
    return true;
  }

  said() {
    this.tell("");
  }

  // What was written since stands behind what comes back.
  refused(error, text) {
    if (text !== null) {
      this.text.value = this.text.value === "" ? text : `${text}\n${this.text.value}`;
      this.edited();
    }
    this.tell(wordsOf(error));
  }

  /** `untilMs` as a room tells it. */
  mute(untilMs) {
    clearTimeout(this.muteEnds);
    this.text.disabled = untilMs !== null;
    this.tell(untilMs === null ? "" : wordsOfMute(untilMs));
    // Longer than a timer can be: nobody keeps a page open for that.
    const leftMs = untilMs === null ? Infinity : untilMs - Date.now();
    if (leftMs < 2 ** 31) this.muteEnds = setTimeout(() => this.mute(null), Math.max(0, leftMs));
  }
}
