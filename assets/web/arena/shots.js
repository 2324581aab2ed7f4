// The shots of the arena: where each is drawn, from when to when.
//
// A shot is only ever told as where and when it was fired; where it is follows from the tick that is drawn.
// Our own are drawn from the moment the trigger is pulled, before the server knows: they begin on our clock,
// which is ahead, and fall back to the clock that everything else is drawn by while they fly. So they leave
// the muzzle at once and still arrive where the others are seen.

import { RADIUS, SHOT_LIFE, SHOT_SPEED, SPEED_MAX, UNIT, withLength } from "./geometry.js";

/** Ticks over which our own shots fall back to the drawn clock. */
const FALL_BACK = 24;
/** Ticks between two shots until we know better: 4 shots a second. */
const COOLDOWN = 15;
/** A shot that met somebody would have been this near at the end of that tick. */
const MET = RADIUS + SHOT_SPEED + SPEED_MAX;
/** How far a shot is drawn from the middle of who fired it: the gun's length. */
export const MUZZLE = 0.62 * UNIT;

export class Shots {
  constructor(terrain) {
    this.terrain = terrain;
    this.shots = new Map();
    this.cooldown = COOLDOWN;
    this.lastFired = -Infinity;
    this.held = null;
    this.guesses = 0;
    /** The tick of the newest state. */
    this.newest = 0;
  }

  /** Pulls or releases the trigger for a tick. `body` is ours before that tick's walk. Did it fire? */
  onTrigger(tick, pulled, body, aim) {
    if (!pulled || !body || body.health === 0) {
      this.held = null;
      return false;
    }
    this.held ??= tick;
    if (tick < this.lastFired + this.cooldown) return false;
    this.lastFired = tick;
    const [vx, vy] = withLength(aim.aim_x, aim.aim_y, SHOT_SPEED);
    const key = `guess ${this.guesses++}`;
    const { x, y, seat } = body;
    this.shots.set(key, { x, y, vx, vy, owner: seat, born: tick, mine: true, guess: true, end: null });
    return true;
  }

  /** The shots of the newest state. */
  onState(tick, rows, mySeat) {
    const there = new Set();
    for (const row of rows) {
      there.add(row.id);
      if (this.shots.has(row.id)) continue;
      const mine = row.owner === mySeat;
      if (mine) this.confirm(row);
      this.shots.set(row.id, { ...row, mine, guess: false, end: null, seen: false, done: false });
    }
    for (const [key, shot] of this.shots) {
      if (shot.guess) {
        // The state of its tick has come without it: it was never fired.
        if (tick >= shot.born) this.shots.delete(key);
      } else if (!there.has(key) && shot.end === null) {
        shot.end = Math.min(tick, shot.born + SHOT_LIFE);
        shot.thereYet = Math.min(this.newest, shot.end);
      }
    }
    this.newest = tick;
  }

  // Two shots of one long pull are as far apart as the rules let them be.
  confirm(row) {
    for (const [key, shot] of this.shots) {
      if (!shot.guess || Math.abs(shot.born - row.born) > 1) continue;
      this.shots.delete(key);
    }
    const before = this.lastConfirmed;
    this.lastConfirmed = row.born;
    this.lastFired = Math.max(this.lastFired, row.born);
    if (before !== undefined && this.held !== null && this.held <= before) {
      this.cooldown = Math.max(3, Math.min(60, row.born - before));
    }
  }

  /**
   * Has a shot of ours met somebody who was there in the state of `tick`? It is gone in that state, and may have been
   * for some ticks: a busy server's states, or a slow network's, are not of every tick.
   */
  met(tick, { x, y }) {
    const passed = (shot) => {
      for (let at = Math.min(shot.thereYet + 1, shot.end); at <= shot.end; at++) {
        const flown = at - shot.born;
        if (Math.hypot(shot.x + shot.vx * flown - x, shot.y + shot.vy * flown - y) <= MET) return true;
      }
      return false;
    };
    return [...this.shots.values()].some((shot) => shot.mine && !shot.guess && shot.end === tick && passed(shot));
  }

  /** A new round or another epoch. */
  clear() {
    this.shots.clear();
    this.lastFired = -Infinity;
    this.lastConfirmed = undefined;
  }

  /**
   * What to draw when the drawn clock is at `tick` and ours at `ahead`: calls `draw(x, y, shot, travelled)`
   * for each, `fired(shot)` once for each that has just left a muzzle, `ended(x, y, shot)` once for each that
   * is gone. `blocked(x, y, shot)` says whether it has met somebody by what is drawn.
   */
  each(tick, ahead, { draw, fired, ended, blocked }) {
    for (const [key, shot] of this.shots) {
      const age = ageOf(shot, tick, ahead);
      const last = shot.end === null ? SHOT_LIFE : shot.end - shot.born;
      if (age >= 0 && !shot.seen) {
        shot.seen = true;
        if (!shot.mine) fired(shot);
      }
      const flown = Math.min(age, last);
      const [x, y] = [shot.x + shot.vx * flown, shot.y + shot.vy * flown];
      if (age >= 0 && !shot.done) {
        shot.done = age >= last || this.terrain.blocks(x, y) || (shot.mine && blocked(x, y, shot));
        if (shot.done) ended(x, y, shot);
        else draw(x, y, shot, flown * SHOT_SPEED);
      }
      if (shot.end !== null && tick > shot.end) this.shots.delete(key);
    }
  }
}

function ageOf(shot, tick, ahead) {
  const age = tick - shot.born;
  if (!shot.mine) return age;
  const gap = Math.max(0, ahead - tick);
  // With a = age drawn: a = age + gap * (1 - a / FALL_BACK) until it has fallen back.
  const drawn = (age + gap) / (1 + gap / FALL_BACK);
  return drawn < FALL_BACK ? drawn : age;
}
