// One player's session with one match, across drops: what the hello says, what `welcome` said, which state is
// the newest, and which tick and number an input gets.
//
// Not here: sockets, and when to try again. A state of another epoch than that of `welcome` is never taken.

import { History } from "./history.js";
import { Pace } from "./pace.js";
import { Schema } from "./schema.js";
import { hello, input, INPUTS_MAX } from "./wire.js";

export class Session {
  /** `seat` is `{ resume, epoch, player }` of an earlier session of this tab, or null. */
  constructor({ matchId, player, token, seat }) {
    this.matchId = matchId;
    this.player = player;
    this.token = token;
    this.seat = seat;
    this.welcome = null;
  }

  /** The first message of the next connection. */
  hello() {
    const { matchId, player, token } = this;
    const { resume, epoch } = this.seat ?? {};
    return hello({ matchId, player, token, resume, epoch });
  }

  /** The seat is lost: the next hello joins. */
  forgetSeat() {
    this.seat = null;
  }

  onWelcome(welcome, nowMs) {
    this.welcome = welcome;
    this.schema = new Schema(welcome.schema);
    this.history = new History(this.schema);
    this.player = welcome.player;
    this.seat = { resume: welcome.resume_token, epoch: welcome.epoch, player: welcome.player };
    this.pace = new Pace(welcome.tick_rate_hz, welcome.tick, nowMs);
    this.newestTick = -1;
    this.firstLead = null;
    this.starved = 0;
    this.lead = null;
    this.nextSeq = welcome.last_input + 1;
    this.nextTick = Math.floor(this.pace.position(nowMs));
  }

  /** The connection has ended. */
  onClosed() {
    this.welcome = null;
  }

  /** The entities of a state by kind, or null if it is not to be taken. */
  onState(state, nowMs) {
    if (this.welcome === null || state.epoch !== this.welcome.epoch) return null;
    if (state.tick <= this.newestTick) return null;
    const entities = this.schema.entities(this.history.take(state));
    this.newestTick = state.tick;
    // What the server says of earliness before it has measured an input of ours is left over from before.
    this.firstLead ??= state.lead;
    const measured = state.lead !== this.firstLead || state.last_input > this.welcome.last_input;
    this.lead = measured ? state.lead / 256 : null;
    this.starved = state.starved;
    this.pace.onState({ tick: state.tick, lead: this.lead, starved: state.starved }, nowMs);
    return entities;
  }

  /** The ticks that want an input by now, oldest first. Ticks that were slept through are left out. */
  dueTicks(nowMs) {
    if (this.welcome === null) return [];
    const reached = Math.floor(this.pace.position(nowMs));
    if (Math.abs(reached + 1 - this.nextTick) > INPUTS_MAX) this.nextTick = reached;
    const due = [];
    for (let tick = this.nextTick; tick <= reached; tick++) due.push(tick);
    return due;
  }

  /** Milliseconds until the next tick wants an input. */
  untilDueMs(nowMs) {
    return this.pace.untilMs(this.nextTick, nowMs);
  }

  /** The message with these inputs for the ticks that were due. */
  inputs(ticks, inputs) {
    const message = input({
      epoch: this.welcome.epoch,
      tick: ticks[0],
      seq: this.nextSeq,
      ack: Math.max(0, this.newestTick),
      rows: this.schema.inputRows(inputs),
    });
    this.nextSeq += ticks.length;
    this.nextTick = ticks.at(-1) + 1;
    return message;
  }
}
