// Which part of the map is on the screen. Follows a point and looks a little ahead of it.

import { UNIT } from "../arena/geometry.js";

/** Units of the map along the side of a square as large as the screen: everybody sees the same area. */
const UNITS_SEEN = 20;
const UNITS_SEEN_SMALL = 17;
const SMALL_PIXELS = 600;
const FOLLOW_MS = 70;
const LOOK_MS = 220;
/** Further away than this the camera is set, not moved. */
const JUMP_UNITS = 8;
/** Units beyond the map's edge that may be seen: room for what stands over the arena. */
const BEYOND_UNITS = 2.2;

export class Camera {
  constructor() {
    this.x = 0;
    this.y = 0;
    this.lookX = 0;
    this.lookY = 0;
    this.shiftX = 0;
    this.shiftY = 0;
    this.scale = 40;
    this.isSet = false;
  }

  /** The screen has this size, in CSS pixels. */
  resize(width, height) {
    this.width = width;
    this.height = height;
    const units = Math.min(width, height) < SMALL_PIXELS ? UNITS_SEEN_SMALL : UNITS_SEEN;
    this.scale = Math.sqrt(width * height) / units;
  }

  /** Follows a place in stored units, looking toward `(lookX, lookY)` in units. */
  follow(x, y, lookX, lookY, passedMs) {
    const [toX, toY] = [x / UNIT, y / UNIT];
    const far = Math.hypot(toX - this.x, toY - this.y) > JUMP_UNITS;
    const share = !this.isSet || far ? 1 : 1 - Math.exp(-passedMs / FOLLOW_MS);
    const lookShare = this.isSet ? 1 - Math.exp(-passedMs / LOOK_MS) : 1;
    this.x += (toX - this.x) * share;
    this.y += (toY - this.y) * share;
    this.lookX += (lookX - this.lookX) * lookShare;
    this.lookY += (lookY - this.lookY) * lookShare;
    this.isSet = true;
  }

  /** Shows little beyond a map of this size: at its edge the player leaves the middle instead. */
  stayWithin(width, height) {
    const x = within(this.x + this.lookX, width, this.width / this.scale);
    const y = within(this.y + this.lookY, height, this.height / this.scale);
    this.shiftX = x - this.x - this.lookX;
    this.shiftY = y - this.y - this.lookY;
  }

  get left() {
    return this.x + this.lookX + this.shiftX - this.width / 2 / this.scale;
  }

  get top() {
    return this.y + this.lookY + this.shiftY - this.height / 2 / this.scale;
  }

  /** A place in stored units as CSS pixels. */
  toScreen(x, y) {
    return [(x / UNIT - this.left) * this.scale, (y / UNIT - this.top) * this.scale];
  }

  /** Is a place in units on the screen, or at most `margin` units beside it? */
  sees(x, y, margin) {
    const [right, bottom] = [this.left + this.width / this.scale, this.top + this.height / this.scale];
    return x >= this.left - margin && x <= right + margin && y >= this.top - margin && y <= bottom + margin;
  }
}

// The middle of the view nearest to `at`; a map that is smaller than the view is in its middle.
function within(at, size, seen) {
  const [least, most] = [seen / 2 - BEYOND_UNITS, size - seen / 2 + BEYOND_UNITS];
  return least > most ? size / 2 : Math.max(least, Math.min(most, at));
}
