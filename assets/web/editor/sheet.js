// The document behind a drawing: class `document`, its map `tiles`, in JSON (PROTOCOL: document). What is drawn is shown at
// once; what the server says is the truth, and comes for one's own strokes, too.

import { ObjectSocket } from "../net/object_socket.js";
import { Drawing } from "./drawing.js";

const MAP = "tiles";
/** Changes that are sent at once; the server takes 1,000. */
const CHANGES_MAX = 500;
/** Strokes are sent together, so often. */
const SEND_EVERY_MS = 40;

export class Sheet {
  /** `on` has `changed()`, `status(status)` and `problem(words)`. */
  constructor(name, { token, on, WebSocket }) {
    this.name = name;
    this.on = on;
    this.drawing = new Drawing();
    this.mayEdit = false;
    this.unsent = new Map();
    this.timer = null;
    const heard = { message: (message) => this.hear(message), status: (status) => on.status(status) };
    this.socket = new ObjectSocket("document", name, { token, on: heard, query: { map: MAP }, WebSocket });
  }

  open() {
    this.socket.open();
  }

  close() {
    clearTimeout(this.timer);
    this.socket.close();
  }

  hear(message) {
    if (message.t === "map") {
      this.mayEdit = message.may_edit;
      this.drawing.replace(message.entries);
      // What was drawn while nobody listened is drawn now.
      this.drawing.change(Object.fromEntries(this.unsent));
      this.flush();
    } else if (message.t === "set") {
      this.drawing.change(message.changes);
      this.drawing.change(Object.fromEntries(this.unsent));
    } else if (message.t === "error") {
      this.on.problem(message.detail);
    }
    this.on.changed();
  }

  /** Draws; null is nothing. */
  set(key, value) {
    if (!this.mayEdit || (this.drawing.entries.get(key) ?? null) === value) return;
    this.drawing.change({ [key]: value });
    this.unsent.set(key, value);
    this.timer ??= setTimeout(() => this.flush(), SEND_EVERY_MS);
    this.on.changed();
  }

  flush() {
    clearTimeout(this.timer);
    this.timer = null;
    while (this.unsent.size > 0) {
      const some = [...this.unsent].slice(0, CHANGES_MAX);
      if (!this.socket.send({ t: "set", changes: Object.fromEntries(some) })) return;
      some.forEach(([key]) => this.unsent.delete(key));
    }
  }
}
