// Which tick of the past is drawn now: as late as the jitter of the states asks for, and no later.
//
// The earliest state of the last seconds says where the server's clock is; how much later the others come is
// the jitter. The delay follows the worst of them but one in twenty, and moves so slowly that nobody sees it.

const WINDOW = 120;
const DELAY_MIN_TICKS = 2;
const DELAY_MAX_TICKS = 12;
/** The drawn clock runs at most this much faster or slower than time. */
const SLEW = 0.05;
/** Further off than this it is set. */
const SET_TICKS = 15;

export class Playout {
  constructor(rateHz) {
    this.tickMs = 1000 / rateHz;
    this.arrivals = [];
    this.baseMs = null;
    this.jitterTicks = 0;
    this.lateMs = 0;
    this.drawn = null;
    this.drawnMs = 0;
  }

  /** A state of `tick` has arrived. */
  onState(tick, nowMs) {
    this.arrivals.push(nowMs - tick * this.tickMs);
    if (this.arrivals.length > WINDOW) this.arrivals.shift();
    const sorted = [...this.arrivals].sort((one, other) => one - other);
    this.baseMs = sorted[0];
    const worst = sorted[Math.floor((sorted.length - 1) * 0.95)];
    this.jitterTicks = (worst - this.baseMs) / this.tickMs;
    this.lateMs += (this.arrivals.at(-1) - this.baseMs - this.lateMs) / 16;
  }

  /** The tick to draw, with its fraction; null before the first state. Never goes back but when it is set. */
  tick(nowMs) {
    if (this.baseMs === null) return null;
    const delay = Math.min(DELAY_MIN_TICKS + this.jitterTicks, DELAY_MAX_TICKS);
    const wanted = (nowMs - this.baseMs) / this.tickMs - delay;
    if (this.drawn === null || Math.abs(wanted - this.drawn) > SET_TICKS) {
      this.drawn = wanted;
    } else {
      const passed = Math.max(0, nowMs - this.drawnMs) / this.tickMs;
      const error = wanted - (this.drawn + passed);
      this.drawn += passed + Math.max(-SLEW * passed, Math.min(SLEW * passed, error));
    }
    this.drawnMs = nowMs;
    return this.drawn;
  }
}
