// What the player wants, from keyboard, mouse and touch, as an input of the arena.

import { Sticks } from "./touch.js";

const KEYS = {
  KeyW: [0, -1], ArrowUp: [0, -1], KeyS: [0, 1], ArrowDown: [0, 1],
  KeyA: [-1, 0], ArrowLeft: [-1, 0], KeyD: [1, 0], ArrowRight: [1, 0],
};
const FULL = 127;
const SHOOT = 1;
/** How far the camera looks toward the mouse, as a share of the way. */
const LOOK_SHARE = 0.16;
const LOOK_TOUCH_UNITS = 1.8;

export class Controls {
  constructor(surface) {
    this.surface = surface;
    this.sticks = new Sticks(surface);
    this.keys = new Set();
    this.mouse = null;
    this.origin = [0, 0];
    this.pressed = false;
    this.enabled = true;
    this.moved = false;
    this.listening = new AbortController();
    const on = (target, name, act) => target.addEventListener(name, act, { signal: this.listening.signal });
    on(window, "keydown", (event) => this.key(event, true));
    on(window, "keyup", (event) => this.key(event, false));
    on(window, "blur", () => this.release());
    on(surface, "pointermove", (event) => this.point(event));
    on(surface, "pointerdown", (event) => this.press(event, true));
    on(window, "pointerup", (event) => this.press(event, false));
    on(surface, "contextmenu", (event) => event.preventDefault());
  }

  stop() {
    this.listening.abort();
  }

  key(event, down) {
    const isOurs = event.code in KEYS || event.code === "Space";
    if (!isOurs || event.ctrlKey || event.metaKey || event.altKey) return;
    // A button that has the focus keeps its keys.
    if (down && (!this.enabled || event.target.closest?.("button, input, select"))) return;
    // Arrows and space would scroll.
    event.preventDefault();
    if (down) this.keys.add(event.code);
    else this.keys.delete(event.code);
    this.moved ||= down && event.code in KEYS;
  }

  point(event) {
    if (event.pointerType !== "touch") this.mouse = [event.clientX, event.clientY];
  }

  press(event, down) {
    if (event.pointerType === "touch" || (down && event.button !== 0)) return;
    this.pressed = down;
  }

  /** Nothing is held any more: the window lost the focus. */
  release() {
    this.keys.clear();
    this.pressed = false;
    this.sticks.release();
  }

  /** How to play, for somebody who has not moved yet. */
  get help() {
    const byTouch = window.matchMedia("(pointer: coarse)").matches;
    return byTouch ? "Left thumb moves, right thumb aims and shoots" : "Move with W A S D, aim with the mouse, hold to shoot";
  }

  /** The input of now, in whole numbers as the game wants them. */
  sample() {
    if (!this.enabled) return { move_x: 0, move_y: 0, aim_x: 0, aim_y: 0, buttons: 0 };
    const move = this.stick();
    const aim = this.direction();
    const shoots = this.pressed || this.keys.has("Space") || this.sticks.shoots;
    return {
      move_x: Math.round(move.x * FULL), move_y: Math.round(move.y * FULL),
      aim_x: Math.round(aim.x * FULL), aim_y: Math.round(aim.y * FULL),
      buttons: shoots ? SHOOT : 0,
    };
  }

  stick() {
    const push = this.sticks.push("left");
    if (push) {
      this.moved = true;
      return push;
    }
    let [x, y] = [0, 0];
    for (const code of this.keys) {
      const [byX, byY] = KEYS[code] ?? [0, 0];
      x += byX;
      y += byY;
    }
    x = Math.sign(x);
    y = Math.sign(y);
    const long = Math.hypot(x, y) || 1;
    return { x: x / long, y: y / long };
  }

  // The right thumb, else the mouse, else where one goes; (0, 0) keeps the gun where it is.
  direction() {
    const push = this.sticks.push("right");
    if (push) return unit(push.x, push.y);
    if (this.sticks.used) return unit(...Object.values(this.stick()));
    if (this.mouse) return unit(this.mouse[0] - this.origin[0], this.mouse[1] - this.origin[1]);
    return unit(...Object.values(this.stick()));
  }

  /** The gun's direction to draw: ours at once, else the body's. */
  aim(body) {
    const { x, y } = this.enabled ? this.direction() : { x: 0, y: 0 };
    return x === 0 && y === 0 ? { aim_x: body.aim_x, aim_y: body.aim_y } : { aim_x: x, aim_y: y };
  }

  /** Where the camera looks beside the player, in units. */
  look(camera) {
    const push = this.sticks.push("right");
    if (push) return { x: push.x * LOOK_TOUCH_UNITS, y: push.y * LOOK_TOUCH_UNITS };
    if (!this.mouse || this.sticks.used) return { x: 0, y: 0 };
    const [x, y] = [this.mouse[0] - camera.width / 2, this.mouse[1] - camera.height / 2];
    return { x: (x / camera.scale) * LOOK_SHARE, y: (y / camera.scale) * LOOK_SHARE };
  }

  /** Where the reticle is, in CSS pixels; null for thumbs, who have none. */
  get reticle() {
    return this.sticks.used ? null : this.mouse;
  }

  /** The reticle, or the sticks of a touch screen. */
  draw(ctx, own) {
    const { clientWidth, clientHeight } = this.surface;
    this.sticks.draw(ctx, clientWidth, clientHeight);
    if (!this.reticle || !own) return;
    const [x, y] = this.reticle;
    ctx.strokeStyle = own.health > 0 ? "rgba(255, 255, 255, 0.92)" : "rgba(255, 255, 255, 0.4)";
    ctx.lineWidth = 2;
    ctx.beginPath();
    ctx.arc(x, y, 9, 0, 2 * Math.PI);
    for (const [dirX, dirY] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      ctx.moveTo(x + dirX * 5, y + dirY * 5);
      ctx.lineTo(x + dirX * 13, y + dirY * 13);
    }
    ctx.stroke();
  }
}

function unit(x, y) {
  const long = Math.hypot(x, y);
  return long < 1e-6 ? { x: 0, y: 0 } : { x: x / long, y: y / long };
}
