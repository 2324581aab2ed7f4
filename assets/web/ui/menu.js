// The match's menu: one button that does no harm if it is hit in a fight, and behind it those that do something.

import { byId, show } from "./dom.js";

export class Menu {
  /** `leave()` gives the keys back to the arena. */
  constructor(leave) {
    this.leave = leave;
    this.button = byId("menu-open");
    this.items = byId("menu-items");
    this.button.addEventListener("click", () => this.toggle());
    this.close();
  }

  get isOpen() {
    return !this.items.hidden;
  }

  toggle() {
    if (this.isOpen) {
      this.close();
      this.leave();
    } else {
      this.set(true);
      this.items.querySelector("button").focus({ preventScroll: true });
    }
  }

  close() {
    this.set(false);
  }

  set(isOpen) {
    show(this.items, isOpen);
    this.button.setAttribute("aria-expanded", String(isOpen));
  }
}
