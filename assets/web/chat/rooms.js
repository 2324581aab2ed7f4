// The rooms that are listed: a name and how many are there, fullest first.

import { listObjects } from "../net/api.js";
import { el, say, show } from "../ui/dom.js";

const EVERY_MS = 3_000;

export class Rooms {
  /** `parts` are the `list`, `none` (shown while there is no room) and `count`; `enter(name)` is called for a choice. */
  constructor({ list, none, count }, enter) {
    Object.assign(this, { list, none, count, enter });
    this.rows = new Map();
    this.current = null;
    setInterval(() => this.refresh(), EVERY_MS);
    this.refresh();
  }

  /** Somebody is in this room now. */
  mark(name) {
    this.current = name;
    this.refresh();
  }

  async refresh() {
    if (document.hidden) return;
    try {
      this.show(await listObjects("chat"));
    } catch {
      say(this.count, "The server does not answer.");
    }
  }

  // Rows stay the same elements, so that none is lost from under a finger or the keyboard.
  show(rooms) {
    const order = [...rooms].sort((one, other) => other.members - one.members || (one.name < other.name ? -1 : 1));
    const gone = new Set(this.rows.keys());
    order.forEach((room, index) => {
      gone.delete(room.name);
      const row = this.row(room);
      if (this.list.children[index] !== row) this.list.insertBefore(row, this.list.children[index] ?? null);
    });
    for (const name of gone) {
      this.rows.get(name).row.remove();
      this.rows.delete(name);
    }
    say(this.count, rooms.length ? `${rooms.length}` : "");
    show(this.none, rooms.length === 0);
  }

  row({ name, members }) {
    const parts = this.rows.get(name) ?? this.newRow(name);
    say(parts.members, String(members));
    parts.button.title = `${name}: ${members === 1 ? "1 member" : `${members} members`}`;
    if (name === this.current) parts.button.setAttribute("aria-current", "page");
    else parts.button.removeAttribute("aria-current");
    return parts.row;
  }

  newRow(name) {
    const members = el("span", { className: "members" });
    const button = el("button", { type: "button", className: "room" }, el("span", { className: "room-name" }, name), members);
    button.addEventListener("click", () => this.enter(name));
    const parts = { row: el("li", {}, button), button, members };
    this.rows.set(name, parts);
    return parts;
  }
}
