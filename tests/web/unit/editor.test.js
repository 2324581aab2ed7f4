// The drawing of the map editor, and how it hears what others draw.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Drawing, line, SIZE_DEFAULT } from "../../../assets/web/editor/drawing.js";
import { Sheet } from "../../../assets/web/editor/sheet.js";

function drawn(rows) {
  const drawing = new Drawing();
  const kinds = { "#": "wall", s: "spawn", h: "pickup" };
  rows.forEach((row, y) => [...row].forEach((tile, x) => kinds[tile] && drawing.change({ [`${x},${y}`]: kinds[tile] })));
  return drawing;
}

test("walls are few rectangles that cover each wall once and nothing else", () => {
  const rows = ["####....", "####..#.", "..##..#.", "s.##..#h", "......##"];
  const drawing = drawn(rows);
  const map = drawing.toMap("m");
  const covered = new Map();
  for (const [x, y, width, height] of map.walls) {
    for (let row = y; row < y + height; row++) {
      for (let column = x; column < x + width; column++) covered.set(`${column},${row}`, (covered.get(`${column},${row}`) ?? 0) + 1);
    }
  }
  const wanted = rows.flatMap((row, y) => [...row].flatMap((tile, x) => tile === "#" ? [`${x},${y}`] : []));
  assert.deepEqual([...covered.keys()].sort(), wanted.sort());
  assert.ok([...covered.values()].every((times) => times === 1));
  assert.equal(map.walls.length, 4);
  assert.deepEqual([map.spawns, map.pickups, map.width, map.name], [[[0, 3]], [[7, 3]], SIZE_DEFAULT, "m"]);
});

test("the worst map has no more walls than the arena takes", () => {
  const drawing = new Drawing();
  drawing.change({ size: 48 });
  for (let y = 0; y < 48; y++) for (let x = y % 2; x < 48; x += 2) drawing.change({ [`${x},${y}`]: "wall" });
  assert.ok(drawing.walls().length <= 2048);
});

test("what is no tile, no size and outside of the map is left out", () => {
  const drawing = new Drawing();
  drawing.replace({ "1,1": "lava", "2,2": "wall", "40,1": "wall", size: 7, match: 5, other: null });
  assert.deepEqual(drawing.toMap("m").walls, [[2, 2, 1, 1]]);
  assert.deepEqual([drawing.size, drawing.match], [SIZE_DEFAULT, null]);
  drawing.change({ "2,2": null, size: 48, match: "m1" });
  assert.deepEqual([drawing.toMap("m").walls, drawing.match], [[[40, 1, 1, 1]], "m1"]);
});

test("a fast stroke has no gaps", () => {
  const tiles = line([0, 0], [7, 3]);
  assert.deepEqual([tiles[0], tiles.at(-1), tiles.length], [[0, 0], [7, 3], 8]);
  for (let n = 1; n < tiles.length; n++) {
    assert.ok(Math.abs(tiles[n][0] - tiles[n - 1][0]) <= 1 && Math.abs(tiles[n][1] - tiles[n - 1][1]) <= 1);
  }
  assert.deepEqual(line([2, 2], [2, 2]), [[2, 2]]);
});

function sheet() {
  const said = [];
  const on = { changed() {}, status() {}, problem(words) { said.push(words); } };
  const made = new Sheet("map.m", { token: () => Promise.resolve("t"), on });
  const sent = [];
  made.socket.send = (message) => made.socket.phase === "open" && sent.push(message) > 0;
  return { made, sent, said };
}

test("strokes are sent together, and again after the connection was gone", () => {
  const { made, sent, said } = sheet();
  made.set("1,1", "wall");
  assert.equal(made.drawing.at(1, 1), null, "nothing is drawn before it is known who may");
  made.hear({ t: "map", map: "tiles", entries: { "0,0": "wall" }, may_edit: true });
  made.set("1,1", "wall");
  made.set("2,2", "spawn");
  made.set("2,2", "spawn");
  made.flush();
  assert.deepEqual([sent, made.drawing.at(2, 2)], [[], "spawn"]);
  made.hear({ t: "set", changes: { "1,1": "pickup", "3,3": "wall" } });
  assert.deepEqual([made.drawing.at(1, 1), made.drawing.at(3, 3)], ["wall", "wall"], "ours comes later, so it is the last");
  made.socket.phase = "open";
  made.hear({ t: "map", map: "tiles", entries: { "5,5": "wall" }, may_edit: true });
  assert.deepEqual(sent, [{ t: "set", changes: { "1,1": "wall", "2,2": "spawn" } }]);
  assert.deepEqual([made.drawing.at(0, 0), made.drawing.at(1, 1), made.drawing.at(5, 5)], [null, "wall", "wall"]);
  made.hear({ t: "error", code: "invalid", detail: "too large" });
  assert.deepEqual(said, ["too large"]);
  made.close();
});

test("more changes than the server takes at once are sent one after the other", () => {
  const { made, sent } = sheet();
  made.hear({ t: "map", map: "tiles", entries: {}, may_edit: true });
  made.socket.phase = "open";
  for (let n = 0; n < 1_200; n++) made.set(`${n % 48},${Math.floor(n / 48)}`, "wall");
  made.flush();
  assert.deepEqual(sent.map(({ changes }) => Object.keys(changes).length), [500, 500, 200]);
  made.close();
});
