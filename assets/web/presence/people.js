// Who is there, as a list: those who are online first, then away, then gone; ourselves before others.

import { el, say } from "../ui/dom.js";
import { colourOfName } from "../view/palette.js";

const ORDER = { online: 0, away: 1, offline: 2 };
/** Rows that are shown at most; the rest is a number. */
const ROWS_MAX = 200;

/** How many are not offline. */
export function countOf(users) {
  return [...users].filter(({ status }) => status !== "offline").length;
}

export class People {
  constructor(list) {
    this.list = list;
    this.rows = new Map();
    list.replaceChildren();
  }

  show(users, self) {
    const order = [...users].sort((one, other) => (other.user === self) - (one.user === self)
      || ORDER[one.status] - ORDER[other.status] || (one.user < other.user ? -1 : 1));
    const shown = order.slice(0, ROWS_MAX).map((seen) => this.row(seen, self));
    const names = new Set(order.slice(0, ROWS_MAX).map(({ user }) => user));
    for (const name of this.rows.keys()) if (!names.has(name)) this.rows.delete(name);
    const more = order.length - shown.length;
    this.list.replaceChildren(...shown, ...(more > 0 ? [el("li", { className: "dim" }, `and ${more} more`)] : []));
  }

  row({ user, status, typing }, self) {
    const parts = this.rows.get(user) ?? this.newRow(user);
    parts.row.classList.toggle("ours", user === self);
    parts.row.dataset.status = status;
    say(parts.you, user === self ? "(you)" : "");
    const writes = typing && user !== self;
    say(parts.words, writes ? "typing" : status);
    parts.words.classList.toggle("typing", writes);
    return parts.row;
  }

  newRow(user) {
    const [you, words] = [el("span", { className: "dim" }), el("span", { className: "person-status" })];
    const name = el("span", { className: "person-name" }, el("b", { className: "who", colour: colourOfName(user) }, user), you);
    const row = el("li", { className: "person", title: user }, el("i", { className: "dot", ariaHidden: "true" }), name, words);
    const parts = { row, you, words };
    this.rows.set(user, parts);
    return parts;
  }
}
