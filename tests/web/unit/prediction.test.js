// The page foresees a body number by number as the native client does: both are checked by the same file, which
// a test of the Rust rules writes (`shared/tests/games/prediction.rs`).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Predictor } from "../../../assets/web/arena/predict.js";
import { Terrain } from "../../../assets/web/arena/terrain.js";

const golden = JSON.parse(readFileSync(new URL("../../golden/prediction.json", import.meta.url), "utf8"));
const terrain = new Terrain(golden.map);

const bodyOf = ([x, y, vx, vy, aim_x, aim_y]) => ({ x, y, vx, vy, aim_x, aim_y });
const rowOf = ({ x, y, vx, vy, aim_x, aim_y }) => [x, y, vx, vy, aim_x, aim_y];
const inputOf = ([move_x, move_y, aim_x, aim_y, buttons]) => ({ move_x, move_y, aim_x, aim_y, buttons });
const otherOf = ([seat, x, y, vx, vy, health]) => ({ id: seat + 1, seat, x, y, vx, vy, health });

test("what is foreseen is what the native client foresees, step by step", () => {
  assert.ok(golden.games.length >= 20);
  for (const [number, { seat, steps }] of golden.games.entries()) {
    const predictor = new Predictor(terrain);
    for (const [index, { input, state, newest }] of steps.entries()) {
      if (input) predictor.onInput(input.tick, inputOf(input.row));
      if (state) {
        const own = { ...bodyOf(state.own), id: seat + 1, seat, health: 100 };
        predictor.onState(state.tick, own, [own, ...state.others.map(otherOf)], state.tick);
      }
      assert.deepEqual(predictor.newest && rowOf(predictor.newest), newest, `game ${number}, step ${index}`);
    }
  }
});
