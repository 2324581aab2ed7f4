// What was said in a room, as a list: new lines at the end, older ones on demand, and the reader left where they read.

import { el } from "../ui/dom.js";
import { colourOfName } from "../view/palette.js";

/** Lines that are shown at most. */
const LINES_MAX = 1_000;
/** Nearer to the end than this, in pixels, the reader follows it. */
const AT_END_PIXELS = 40;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export class ChatLog {
  /** `colour(user)` is the colour of somebody's name. */
  constructor(list, { colour = colourOfName } = {}) {
    this.list = list;
    this.colour = colour;
    this.lines = new Map();
    this.clear();
  }

  clear() {
    this.lines.clear();
    this.list.replaceChildren();
  }

  /** Shows these messages and nothing else. */
  fill(messages, user) {
    this.clear();
    this.list.append(...messages.map((message) => this.line(message, user)));
    this.toEnd();
  }

  add(message, user) {
    return this.append(this.line(message, user));
  }

  /** Something that nobody said. */
  note(words) {
    return this.append(el("li", { className: "note" }, words));
  }

  append(line) {
    const follows = this.isAtEnd;
    this.list.append(line);
    while (this.list.children.length > LINES_MAX) this.list.firstElementChild.remove();
    if (follows) this.toEnd();
    return line;
  }

  /** Older messages; what is read stays where it is. */
  prepend(messages, user) {
    const fromEnd = this.list.scrollHeight - this.list.scrollTop;
    this.list.prepend(...messages.map((message) => this.line(message, user)));
    this.list.scrollTop = this.list.scrollHeight - fromEnd;
  }

  remove(id) {
    const line = this.lines.get(id);
    if (!line) return;
    line.className = "note";
    line.replaceChildren("A message was taken away");
    this.lines.delete(id);
  }

  line(message, user) {
    const when = new Date(message.unix_ms);
    const time = el("time", { dateTime: when.toISOString(), title: when.toLocaleString() }, clock.format(when));
    const name = message.user === null
      ? el("b", { className: "who announcer" }, "Announcement")
      : el("b", { className: "who", colour: this.colour(message.user) }, message.user);
    // For who copies a line, or has it read out; the page has columns instead.
    name.append(el("span", { className: "colon" }, ": "));
    const line = el("li", {}, time, name, el("span", { className: "said" }, message.text));
    line.classList.toggle("ours", message.user === user);
    line.classList.toggle("announced", message.user === null);
    this.lines.set(message.id, line);
    return line;
  }

  get isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.list;
    return scrollHeight - scrollTop - clientHeight < AT_END_PIXELS;
  }

  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
  }
}
