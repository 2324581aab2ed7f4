// One match of arena as it is played: states in, inputs out, and everything a frame needs.
//
// Not here: how it looks. The painter and the HUD ask; they change nothing.

import { Connection } from "../net/connection.js";
import { inspectMatch, mapOf, socketUrl } from "../net/api.js";
import { Playout } from "../net/playout.js";
import { rememberSeat } from "../net/seats.js";
import { Session } from "../net/session.js";
import { Predictor } from "./predict.js";
import { Scene } from "./scene.js";
import { Shots } from "./shots.js";
import { Terrain } from "./terrain.js";

const PHASES = ["lobby", "countdown", "playing", "finished"];
/** An input clock is asked at least so often, however few frames are drawn. */
const PUMP_MS = 4;

export class Match {
  /**
   * `entry` is the match as the server lists it, `map` its map; `controls.sample()` answers an input. `on` has
   * `status(status)`, `welcomed(welcome)`, `event(name, data)`, `hurt(amount)` and `fired(body)`.
   */
  constructor({ entry, map, player, token, seat, controls, on }) {
    this.id = entry.match_id;
    /** The leaderboard that its result goes to, if it goes to any. */
    this.board = entry.board?.name ?? null;
    this.terrain = new Terrain(map);
    this.controls = controls;
    this.on = on;
    this.names = new Map();
    this.takeRoster(entry);
    this.scene = new Scene();
    this.shots = new Shots(this.terrain);
    this.predictor = new Predictor(this.terrain);
    this.session = new Session({ matchId: this.id, player, token, seat });
    this.state = null;
    this.pingMs = null;
    this.connection = new Connection(socketUrl(this.id), this.session, {
      message: (message, nowMs) => this.hear(message, nowMs),
      status: (status) => on.status(status),
      ping: (ms) => { this.pingMs = ms; },
    });
  }

  start() {
    this.connection.open();
    this.pump();
  }

  /** Ends this window's part; the seat is given up only if the player leaves. */
  stop({ leave }) {
    clearTimeout(this.pumping);
    this.stopped = true;
    if (!leave) return this.connection.close();
    rememberSeat(this.id, null);
    return this.connection.leave();
  }

  hear(message, nowMs) {
    switch (message.t) {
      case "welcome": return this.welcomed(message);
      case "state": return this.takeState(message, nowMs);
      case "event": return this.takeEvent(message);
      default: return undefined;
    }
  }

  welcomed(welcome) {
    this.seat = welcome.seat;
    this.rateHz = welcome.tick_rate_hz;
    rememberSeat(this.id, this.session.seat);
    this.names.set(welcome.seat, welcome.player);
    this.playout = new Playout(welcome.tick_rate_hz);
    this.predictor = new Predictor(this.terrain);
    this.scene.clear();
    this.shots.clear();
    this.state = null;
    this.on.welcomed(welcome);
    this.askWhoIsThere();
  }

  // Events tell who comes; who was there before, and who came while we were away, is asked for.
  async askWhoIsThere() {
    try {
      this.takeRoster(await inspectMatch(this.id));
    } catch {
      // Names come with the next welcome; until then there are seat numbers.
    }
  }

  takeRoster(entry) {
    for (const { seat, player } of entry.roster ?? []) this.names.set(seat, player);
  }

  takeEvent({ name, data }) {
    if (name === "joined") this.names.set(data.seat, data.name);
    this.on.event(name, data);
  }

  takeState(message, nowMs) {
    const entities = this.session.onState(message, nowMs);
    if (entities === null) return;
    const before = this.state;
    const own = entities.player.find((player) => player.seat === this.seat) ?? null;
    const [round] = entities.round;
    this.state = { tick: message.tick, own, round, players: entities.player };
    this.playout.onState(message.tick, nowMs);
    this.scene.onState(message.tick, entities);
    if (before && before.round.phase !== round.phase) this.shots.clear();
    this.shots.onState(message.tick, entities.projectile, this.seat);
    if (!own) return;
    this.predictor.onState(message.tick, own, entities.player, this.session.pace.position(nowMs));
    if (before?.own && own.health < before.own.health) this.on.hurt(before.own.health - own.health);
  }

  // Inputs keep their own time: a slow display must not make them late.
  pump() {
    if (this.stopped) return;
    this.sendInputs(performance.now());
    const waitMs = this.session.welcome ? this.session.untilDueMs(performance.now()) : 50;
    this.pumping = setTimeout(() => this.pump(), Math.max(PUMP_MS, Math.min(50, waitMs)));
  }

  sendInputs(nowMs) {
    const ticks = this.session.dueTicks(nowMs);
    if (ticks.length === 0 || !this.state) return;
    const input = this.controls.sample();
    this.connection.send(this.session.inputs(ticks, ticks.map(() => input)));
    for (const tick of ticks) this.apply(tick, input);
  }

  apply(tick, input) {
    this.predictor.onInput(tick, input);
    if (this.phase !== "playing") return;
    const body = this.predictor.before(tick);
    if (!body) return;
    const aim = input.aim_x || input.aim_y ? input : body;
    if (this.shots.onTrigger(tick, (input.buttons & 1) !== 0, body, aim)) this.on.fired(body, aim);
  }

  get phase() {
    return this.state ? PHASES[this.state.round.phase] : "lobby";
  }

  /** Seconds until the phase ends; null if it has no end. */
  get secondsLeft() {
    if (!this.state || this.phase === "lobby") return null;
    return Math.max(0, (this.state.round.ends - this.state.tick) / this.rateHz);
  }

  nameOf(seat) {
    return this.names.get(seat) ?? `Player ${seat + 1}`;
  }

  /** The seat of a player, or null. */
  seatOf(name) {
    for (const [seat, player] of this.names) if (player === name) return seat;
    return null;
  }

  /** Everything a frame draws, or null while nothing is known. */
  frame(nowMs) {
    const tick = this.playout?.tick(nowMs) ?? null;
    if (tick === null || !this.state) return null;
    // The tick that begins with this frame is ours to decide now: its body is what is drawn.
    this.sendInputs(performance.now());
    const position = this.session.welcome ? this.session.pace.position(nowMs) : this.state.tick;
    const own = this.predictor.drawn(position, nowMs);
    const others = this.scene.players(tick).filter((player) => player.seat !== this.seat);
    // Ours lives and dies by the newest state, wherever it is drawn.
    const mine = own && this.state.own ? { ...own, health: this.state.own.health } : null;
    return { tick, position, own: mine, others, pickups: this.scene.pickups(tick) };
  }
}

/** What a match needs before it can be played: its entry, and the map of one that runs. */
export async function prepare(matchId) {
  const entry = await inspectMatch(matchId);
  const running = entry.state === "running";
  return { entry, map: running ? await mapOf(entry) : null };
}
