// Which tick an input made now is for: a clock that runs ahead of the server, turned by what the server says
// of how early inputs arrive (PROTOCOL: when to send).
//
// Not here: reading a clock. Every time is an argument, in milliseconds.

export const LEAD_TICKS = 3;
const EXTRA_MAX = 6;
const RESYNC_TICKS = 10;
const CLEAN_MS = 5000;
const SPEED_GAIN = 0.1;
const SPEED_LIMIT = 0.1;
const DEAD_BAND_TICKS = 0.5;
/** Ticks that the server's moving average (7/8) needs to follow a change. */
const AVERAGE_TICKS = 8;
/** Corrections remembered, one a state: about two seconds. */
const CORRECTIONS_MAX = 128;
/** A clock further ahead than this is wrong: the server takes inputs for 64 ticks. */
const AHEAD_MAX = 60;

export class Pace {
  constructor(rateHz, tick, nowMs) {
    this.rateHz = rateHz;
    this.anchorMs = nowMs;
    this.anchorTick = tick + 1 + LEAD_TICKS;
    this.speed = 1;
    this.extra = 0;
    this.starved = null;
    this.starvedMs = nowMs;
    this.deafUntil = tick;
    this.correction = 0;
    this.corrections = [];
  }

  /** The tick an input made now is for, with its fraction. A frame may ask for a moment just before a state. */
  position(nowMs) {
    return this.anchorTick + ((nowMs - this.anchorMs) / 1000) * this.rateHz * this.speed;
  }

  /** Milliseconds until the clock passes `tick`, as it runs now. */
  untilMs(tick, nowMs) {
    return ((tick - this.position(nowMs)) / (this.rateHz * this.speed)) * 1000;
  }

  /** How early inputs should arrive. */
  get leadWanted() {
    return LEAD_TICKS + this.extra;
  }

  /** Turns the clock by a state. `lead` is in ticks, or null before one of our inputs was measured. */
  onState({ tick, lead, starved }, nowMs) {
    this.advance(nowMs);
    if (lead !== null) this.countStarvation(tick, starved, nowMs);
    const ahead = this.anchorTick - tick;
    if (ahead < 0 || ahead > AHEAD_MAX) this.jump(this.leadWanted + 1 - ahead, tick);
    else if (lead !== null) this.turn(this.leadWanted - lead - this.unseenCorrection(tick), tick);
    this.corrections.push({ tick, total: this.correction });
    if (this.corrections.length > CORRECTIONS_MAX) this.corrections.shift();
  }

  advance(nowMs) {
    const ticks = (Math.max(0, nowMs - this.anchorMs) / 1000) * this.rateHz;
    this.anchorTick += ticks * this.speed;
    this.correction += ticks * (this.speed - 1);
    this.anchorMs = Math.max(this.anchorMs, nowMs);
  }

  turn(error, tick) {
    if (Math.abs(error) > RESYNC_TICKS && tick >= this.deafUntil) this.jump(error, tick);
    else if (Math.abs(error) <= DEAD_BAND_TICKS) this.speed = 1;
    else this.speed = 1 + Math.max(-SPEED_LIMIT, Math.min(SPEED_LIMIT, SPEED_GAIN * error));
  }

  // What the server reports until it has seen inputs made after this is not believed.
  jump(by, tick) {
    this.anchorTick += by;
    this.correction += by;
    this.speed = 1;
    this.deafUntil = tick + this.memoryTicks(tick);
  }

  // How many states old the inputs are that the newest report is made of.
  memoryTicks(tick) {
    const roundTrip = Math.max(0, Math.min(AHEAD_MAX, this.anchorTick - tick));
    return Math.floor(roundTrip) + AVERAGE_TICKS;
  }

  // Corrections made since those inputs were sent.
  unseenCorrection(tick) {
    const since = tick - this.memoryTicks(tick);
    const seen = this.corrections.findLast((entry) => entry.tick <= since) ?? this.corrections[0];
    return seen ? this.correction - seen.total : 0;
  }

  // One burst counts once: what was sent before the extra lead cannot show its effect.
  countStarvation(tick, starved, nowMs) {
    const grown = this.starved !== null && this.starved !== starved;
    this.starved = starved;
    if (grown) {
      this.starvedMs = nowMs;
      if (tick >= this.deafUntil) {
        this.extra = Math.min(this.extra + 1, EXTRA_MAX);
        this.deafUntil = tick + this.memoryTicks(tick);
      }
    } else if (this.extra > 0 && nowMs - this.starvedMs >= CLEAN_MS) {
      this.starvedMs = nowMs;
      this.extra -= 1;
    }
  }
}
