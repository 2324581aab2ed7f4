// The page's prediction beside what the server did: every tick of a walk, to the last bit.

import { check, until } from "./browser.mjs";

/** Ticks of a walk that are compared at least. */
const STEPS_MIN = 60;

/** Keeps each pair of states that follow one another, with the input between them. */
export async function recordSteps(page) {
  await page.evaluate(() => {
    const { match } = window.tickstone;
    const [sent, steps] = [new Map(), []];
    const inputs = match.session.inputs.bind(match.session);
    match.session.inputs = (ticks, rows) => {
      ticks.forEach((tick, index) => sent.set(tick, { seq: match.session.nextSeq + index, input: rows[index] }));
      return inputs(ticks, rows);
    };
    const takeState = match.takeState.bind(match);
    match.takeState = (message, nowMs) => {
      const before = match.state;
      takeState(message, nowMs);
      const used = sent.get(message.tick);
      // Only ticks whose input the server says it has used: one that was late proves nothing.
      if (used?.seq !== message.last_input || before?.tick !== message.tick - 1) return;
      steps.push({ before: before.own, input: used.input, after: match.state.own });
    };
    window.steps = steps;
  });
}

export async function checkPrediction(page) {
  await until(page, "enough ticks to compare", (least) => window.steps.length >= least, STEPS_MIN);
  const wrong = await page.evaluate(async () => {
    const { step } = await import("/web/arena/body.js");
    const { terrain } = window.tickstone.match;
    const differs = ({ before, input, after }) => {
      const guess = step(before, input, terrain, []);
      return ["x", "y", "vx", "vy"].some((field) => guess[field] !== after[field]);
    };
    const moved = window.steps.filter(({ before, after }) => before.x !== after.x).length;
    return { moved, first: window.steps.find(differs) ?? null };
  });
  check(wrong.first === null, `predicted otherwise: ${JSON.stringify(wrong.first)}`);
  check(wrong.moved > 30, `only ${wrong.moved} ticks of the walk were compared`);
}
