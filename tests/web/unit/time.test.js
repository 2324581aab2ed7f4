// The clocks and the back-off, with time as an argument.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Backoff } from "../../../assets/web/net/backoff.js";
import { After, meaning } from "../../../assets/web/net/codes.js";
import { Pace } from "../../../assets/web/net/pace.js";
import { Playout } from "../../../assets/web/net/playout.js";

const TICK_MS = 1000 / 60;

test("fifteen tries between a tenth of a second and five", () => {
  for (const random of [() => 0, () => 0.5, () => 0.999]) {
    const backoff = new Backoff(random);
    const waits = Array.from({ length: 15 }, () => backoff.next());
    assert.equal(backoff.next(), null);
    assert.ok(waits.every((wait) => wait >= 100 && wait <= 5000), waits.join(" "));
    assert.ok(waits[0] <= 200 && waits[14] >= 2500);
    backoff.reset();
    const asked = backoff.next(30_000);
    assert.ok(asked >= 30_000 && asked <= 37_500);
  }
});

test("codes: what resumes, what joins anew, what is over", () => {
  for (const code of [1006, 1011, 1012, 1013, 4408, 4420, 1005]) assert.equal(meaning(code).after, After.RESUME, code);
  assert.equal(meaning(4003).after, After.JOIN);
  for (const code of [1000, 1001, 1002, 1009, 4000, 4400, 4401, 4403, 4404, 4409, 4410, 4423, 4426, 4429]) {
    const { after, title, words } = meaning(code);
    assert.equal(after, After.END, code);
    assert.ok(title && words, code);
  }
});

// A server whose inputs take `latency` ticks each way, and the clock of one client.
function run(pace, latency, from, to, starved = () => 0) {
  let lead = 0;
  for (let tick = from; tick < to; tick++) {
    const early = pace.position((tick - latency) * TICK_MS) - tick;
    lead = (lead * 7 + early) / 8;
    pace.onState({ tick, lead, starved: starved(tick) }, (tick + latency) * TICK_MS);
  }
  return lead;
}

test("the lead settles where it is wanted", () => {
  for (const latency of [0.05, 1, 3, 6]) {
    const pace = new Pace(60, 100, (100 + latency) * TICK_MS);
    const lead = run(pace, latency, 101, 1300);
    assert.ok(Math.abs(lead - 3) < 0.8, `latency ${latency}: lead ${lead}`);
  }
});

test("a starvation adds a tick, and five clean seconds take it back", () => {
  const pace = new Pace(60, 100, 100.1 * TICK_MS);
  run(pace, 0.1, 101, 400);
  run(pace, 0.1, 400, 420, () => 3);
  assert.equal(pace.leadWanted, 4);
  run(pace, 0.1, 420, 800, () => 3);
  assert.equal(pace.leadWanted, 3);
});

test("an error beyond ten ticks sets the clock, once", () => {
  const pace = new Pace(60, 100, 100 * TICK_MS);
  pace.onState({ tick: 101, lead: -20, starved: 0 }, 101 * TICK_MS);
  assert.ok(Math.abs(pace.position(101 * TICK_MS) - 128) < 0.01);
  const before = pace.position(102 * TICK_MS);
  pace.onState({ tick: 102, lead: -20, starved: 0 }, 102 * TICK_MS);
  assert.ok(Math.abs(pace.position(102 * TICK_MS) - before) < 0.01, "a report from before is not believed again");
});

test("without feedback a clock behind the newest state is set", () => {
  const pace = new Pace(60, 100, 100 * TICK_MS);
  pace.onState({ tick: 140, lead: null, starved: 0 }, 101 * TICK_MS);
  assert.equal(pace.position(101 * TICK_MS), 144);
  assert.ok(Math.abs(pace.untilMs(145, 101 * TICK_MS) - TICK_MS) < 0.01);
});

test("the drawn clock is two ticks behind a steady server, and never goes back", () => {
  const playout = new Playout(60);
  assert.equal(playout.tick(0), null);
  let last = -Infinity;
  for (let tick = 0; tick < 600; tick++) {
    const nowMs = 5000 + tick * TICK_MS;
    playout.onState(tick, nowMs);
    const drawn = playout.tick(nowMs + 3);
    assert.ok(drawn >= last);
    last = drawn;
  }
  assert.ok(Math.abs(599 - 2 + 3 / TICK_MS - last) < 0.1, String(last));
});

test("jitter makes it wait longer, by little at a time", () => {
  const playout = new Playout(60);
  let last = null;
  for (let tick = 0; tick < 900; tick++) {
    const nowMs = tick * TICK_MS;
    // From the fifth second on, every third state comes three ticks late.
    const late = tick > 300 && tick % 3 === 0 ? 3 * TICK_MS : 0;
    playout.onState(tick, nowMs + late);
    const drawn = playout.tick(nowMs);
    if (last !== null) assert.ok(drawn - last > 0.9 && drawn - last < 1.1, `${drawn - last} at ${tick}`);
    last = drawn;
  }
  assert.ok(899 - last > 4.5 && 899 - last < 6, `it is ${899 - last} ticks behind`);
});
