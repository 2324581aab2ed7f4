// The others between two states: what is drawn is always a little in the past, so that there is nearly always
// a state on either side of it.
//
// Also finds what happened from one drawn state to the next, for flashes and sounds: a hit, a death, a pickup.

import { UNIT } from "./geometry.js";

const STATES_MAX = 40;
/** Ticks that somebody is taken to walk on when states are missing. */
const BEYOND_MAX = 6;
/** Further than this in one step is a respawn: nobody is drawn on the way. */
const JUMP = 1.5 * UNIT;

export class Scene {
  constructor() {
    this.states = [];
    this.told = null;
  }

  onState(tick, entities) {
    const players = new Map(entities.player.map((player) => [player.id, player]));
    const pickups = new Map(entities.pickup.map((pickup) => [pickup.id, pickup]));
    this.states.push({ tick, players, pickups });
    if (this.states.length > STATES_MAX) this.states.shift();
  }

  clear() {
    this.states = [];
    this.told = null;
  }

  /** Everybody as drawn at `tick`: rows with places between those of two states. */
  players(tick) {
    const { from, to } = this.around(tick);
    if (!from) return [];
    const share = to ? (tick - from.tick) / (to.tick - from.tick) : 0;
    const beyond = to ? 0 : Math.max(0, Math.min(BEYOND_MAX, tick - from.tick));
    const drawn = [];
    for (const [id, player] of from.players) {
      const next = to?.players.get(id);
      drawn.push(next ? between(player, next, share) : walkedOn(player, beyond));
    }
    return drawn;
  }

  pickups(tick) {
    const { from } = this.around(tick);
    return from ? [...from.pickups.values()] : [];
  }

  /** Tells `hit(player, tick)`, `died(player, tick)`, `came(player)` and `taken(pickup)` of what is drawn by now. */
  tell(tick, { hit, died, came, taken }) {
    for (const state of this.states) {
      if (state.tick > tick) break;
      const before = this.told;
      if (before && state.tick <= before.tick) continue;
      this.told = state;
      if (!before) continue;
      for (const [id, player] of state.players) {
        const was = before.players.get(id);
        if (!was || (was.health === 0 && player.health > 0)) came(player);
        else if (player.health < was.health) (player.health === 0 ? died : hit)(player, state.tick);
      }
      for (const [id, pickup] of state.pickups) {
        if (before.pickups.get(id)?.active && !pickup.active) taken(pickup);
      }
    }
  }

  around(tick) {
    const after = this.states.findIndex((state) => state.tick > tick);
    if (after === -1) return { from: this.states.at(-1), to: undefined };
    if (after === 0) return { from: this.states[0], to: undefined };
    return { from: this.states[after - 1], to: this.states[after] };
  }
}

function between(from, to, share) {
  if (Math.abs(to.x - from.x) > JUMP || Math.abs(to.y - from.y) > JUMP) return from;
  return {
    ...from,
    x: from.x + (to.x - from.x) * share,
    y: from.y + (to.y - from.y) * share,
    ...aimBetween(from, to, share),
  };
}

// Both aims at full length, so that a short one turns as far as a long one.
function aimBetween(from, to, share) {
  const one = Math.hypot(from.aim_x, from.aim_y) || 1;
  const other = Math.hypot(to.aim_x, to.aim_y) || 1;
  return {
    aim_x: (from.aim_x / one) * (1 - share) + (to.aim_x / other) * share,
    aim_y: (from.aim_y / one) * (1 - share) + (to.aim_y / other) * share,
  };
}

function walkedOn(player, ticks) {
  return { ...player, x: player.x + player.vx * ticks, y: player.y + player.vy * ticks };
}
