// The page's prediction beside what the server did: every tick of a walk, to the last bit.

import { check, PATIENCE_MS } from "./browser.mjs";

/** Ticks in which the body moved that are compared at least. */
const STEPS_MIN = 60;
/** How long one walks one way. */
const TURN_MS = 500;

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

/** Walks to and fro until there is enough to compare. */
export async function checkPrediction(page) {
  const compared = () => page.evaluate(() =>
    window.steps.filter(({ before, after }) => before.x !== after.x).length);
  for (let turn = 0; (await compared()) < STEPS_MIN; turn++) {
    check(turn < PATIENCE_MS / TURN_MS, `only ${await compared()} ticks of a walk could be compared`);
    const key = turn % 2 === 0 ? "KeyA" : "KeyD";
    await page.keyboard.down(key);
    await page.waitForTimeout(TURN_MS);
    await page.keyboard.up(key);
  }
  const wrong = await page.evaluate(async () => {
    const { step } = await import("/web/arena/body.js");
    const { terrain } = window.tickstone.match;
    const differs = ({ before, input, after }) => {
      const guess = step(before, input, terrain, []);
      return ["x", "y", "vx", "vy"].some((field) => guess[field] !== after[field]);
    };
    return window.steps.find(differs) ?? null;
  });
  check(wrong === null, `predicted otherwise: ${JSON.stringify(wrong)}`);
}
