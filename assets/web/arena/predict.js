// The player's own body ahead of the server: the newest state, and the inputs on their way applied to it. What
// the server then says otherwise is not jumped to but glided to, unless it is far. Number by number what the
// native client foresees (tests/golden/prediction.json).
//
// Exact in walls and open ground. Others are taken to walk on as they do, so that bumping into somebody may
// be corrected by a little.

import { step, stickOf } from "./body.js";
import { UNIT } from "./geometry.js";

const INPUTS_MAX = 128;
const NEAR = 6 * UNIT;
/** A correction beyond this is a respawn or a new round. */
const JUMP = 1.5 * UNIT;
/** What is drawn comes half as near to the truth in this time. */
const HALF_LIFE_MS = 200;
/** So many ticks after the last input the server lets a player stand. */
const STARVED_TICKS = 15;
const RESTING = Object.freeze({ move_x: 0, move_y: 0, aim_x: 0, aim_y: 0, buttons: 0 });

export class Predictor {
  constructor(terrain) {
    this.terrain = terrain;
    this.inputs = new Map();
    this.bodies = [];
    this.firstTick = 0;
    this.glideX = 0;
    this.glideY = 0;
    this.drawnMs = 0;
  }

  /** The newest state: of our own body, and of the others. */
  onState(tick, own, players, position) {
    const before = this.at(position);
    const others = players.filter((other) => other.id !== own.id && other.health > 0 && isNear(own, other));
    this.others = others;
    this.firstTick = tick;
    this.bodies = [own];
    this.extendTo(Math.max(tick, ...this.inputs.keys()));
    if (before) this.glide(before, this.at(position));
  }

  /** An input that was sent for a tick. As on the server the first one wins. */
  onInput(tick, input) {
    if (this.inputs.has(tick)) return;
    this.inputs.set(tick, input);
    if (this.inputs.size > INPUTS_MAX) this.inputs.delete(this.inputs.keys().next().value);
    this.extendTo(tick);
  }

  /** The body as it was before the walk of a tick: where a shot of that tick is fired. */
  before(tick) {
    return this.bodies[tick - 1 - this.firstTick] ?? null;
  }

  /** Where to draw the body when the input clock is at `position`; null while nothing is known. */
  drawn(position, nowMs) {
    const body = this.at(position);
    if (!body) return null;
    const left = 2 ** (-Math.max(0, nowMs - this.drawnMs) / HALF_LIFE_MS);
    this.drawnMs = nowMs;
    this.glideX *= left;
    this.glideY *= left;
    return { ...body, x: body.x + this.glideX, y: body.y + this.glideY };
  }

  get lastTick() {
    return this.firstTick + this.bodies.length - 1;
  }

  /** The body in the newest tick, with every input that was sent. */
  get newest() {
    return this.bodies.at(-1) ?? null;
  }

  extendTo(tick) {
    while (this.bodies.length > 0 && this.lastTick < tick && this.bodies.length < INPUTS_MAX) {
      this.extend(this.lastTick + 1);
    }
  }

  // What the server takes for a tick: the last input that came, its stick gliding back.
  inputOf(tick) {
    for (let back = 0; back < INPUTS_MAX; back++) {
      const input = this.inputs.get(tick - back);
      if (input) return back === 0 ? input : starved(input, back);
    }
    return RESTING;
  }

  extend(tick) {
    const input = this.inputOf(tick);
    const ahead = tick - this.firstTick;
    const others = this.others.map((other) => ({
      seat: other.seat, x: other.x + other.vx * ahead, y: other.y + other.vy * ahead,
    }));
    this.bodies.push(step(this.bodies.at(-1), input, this.terrain, others));
  }

  // Between the tick before the clock's and the clock's: the newest one is reached when the next begins.
  at(position) {
    if (this.bodies.length === 0) return null;
    const tick = Math.floor(position);
    const index = Math.max(0, Math.min(this.bodies.length - 1, tick - this.firstTick));
    const to = this.bodies[index];
    const from = this.bodies[Math.max(0, index - 1)];
    const share = index === tick - this.firstTick ? position - tick : 1;
    return { ...to, x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
  }

  glide(before, now) {
    this.glideX += before.x - now.x;
    this.glideY += before.y - now.y;
    if (Math.hypot(this.glideX, this.glideY) > JUMP) [this.glideX, this.glideY] = [0, 0];
  }
}

function starved(input, ticks) {
  const left = Math.max(0, STARVED_TICKS - ticks);
  const faded = (axis) => Math.trunc((axis * left) / STARVED_TICKS) + 0;
  const [moveX, moveY] = stickOf(input);
  return { ...input, move_x: faded(moveX), move_y: faded(moveY) };
}

function isNear(one, other) {
  return Math.abs(one.x - other.x) < NEAR && Math.abs(one.y - other.y) < NEAR;
}
