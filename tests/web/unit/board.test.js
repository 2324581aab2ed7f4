// The leaderboard as the page reads it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Board, spanText } from "../../../assets/web/leaderboard/board.js";

const answered = (status, body) => ({ ok: status < 400, status, json: () => Promise.resolve(body) });

test("what is not there is nothing, what fails is an error", async () => {
  const asked = [];
  const answers = (status, body) => {
    globalThis.fetch = (path, options) => {
      asked.push([path, options.cache]);
      return Promise.resolve(answered(status, body));
    };
  };
  const board = new Board("friday night");
  answers(404, { code: "no_snapshot" });
  assert.equal(await board.snapshot(), null);
  assert.deepEqual(asked.pop(), ["/v1/objects/leaderboard/friday%20night/snapshot", "no-cache"]);
  answers(404, { code: "no_such_entry" });
  assert.equal(await board.find("a&b=c"), null);
  assert.equal(asked.pop()[0], "/v1/objects/leaderboard/friday%20night/http/rank?user=a%26b%3Dc&around=3");
  await assert.rejects(board.snapshot(), { status: 404 });
  answers(503, { code: "overloaded", detail: "later" });
  await assert.rejects(board.find("ann"), { message: "later" });
});

test("how long something still is has two units at most", () => {
  for (const [ms, text] of [
    [0, "0 s"], [999, "0 s"], [1_000, "1 s"], [61_000, "1 min 1 s"], [3_600_000, "1 h"], [86_399_999, "23 h 59 min"],
    [90_000_000, "1 d 1 h"], [604_800_000, "7 d"],
  ]) assert.equal(spanText(ms), text, ms);
});
