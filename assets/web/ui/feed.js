// Who took out whom, who came and went: a few lines that go away by themselves.

import { colourOf } from "../view/palette.js";
import { el } from "./dom.js";

const LINES_MAX = 5;
const LINE_MS = 6000;

export class Feed {
  constructor(list, match) {
    this.list = list;
    this.match = match;
    list.replaceChildren();
  }

  event(name, data) {
    if (name === "killed") this.killed(data.by, data.victim);
    else if (name === "joined") this.add(this.who(data.seat), " joined");
    else if (name === "left") this.add(this.who(data.seat), " left");
  }

  killed(by, victim) {
    const ours = by === this.match.seat || victim === this.match.seat;
    const words = el("span", { className: "feed-verb" }, " took out ");
    this.add(this.who(by), words, this.who(victim)).classList.toggle("ours", ours);
  }

  who(seat) {
    const colour = colourOf(seat, this.match.seat);
    const name = seat === this.match.seat ? "You" : this.match.nameOf(seat);
    return el("b", { className: "who", colour }, name);
  }

  add(...children) {
    const line = el("li", {}, ...children);
    this.list.append(line);
    while (this.list.children.length > LINES_MAX) this.list.firstElementChild.remove();
    setTimeout(() => line.remove(), LINE_MS);
    return line;
  }
}
