// Prediction: the page moves a body as the server does. The numbers are those of the Rust tests of the same
// functions; the browser test compares a walk with the server tick by tick.

import assert from "node:assert/strict";
import { test } from "node:test";

import { step } from "../../../assets/web/arena/body.js";
import { rootUp, withinDisc, withLength } from "../../../assets/web/arena/geometry.js";
import { Predictor } from "../../../assets/web/arena/predict.js";
import { Scene } from "../../../assets/web/arena/scene.js";
import { Shots } from "../../../assets/web/arena/shots.js";
import { colourOf, OTHERS, OWN } from "../../../assets/web/view/palette.js";
import { Terrain } from "../../../assets/web/arena/terrain.js";
import { cleanName } from "../../../assets/web/net/seats.js";
import { Clearing } from "../../../assets/web/ui/clearing.js";
import { ranked } from "../../../assets/web/ui/table.js";

const terrain = new Terrain({ name: "t", width: 16, height: 16, walls: [[8, 0, 2, 16]] });
const body = (x, y, more = {}) => ({ id: 1, seat: 0, x, y, vx: 0, vy: 0, aim_x: 127, aim_y: 0, health: 100, ...more });
const input = (move_x, move_y = 0) => ({ move_x, move_y, aim_x: 0, aim_y: 0, buttons: 0 });

test("roots are rounded up", () => {
  for (const [square, root] of [[0, 0], [1, 1], [2, 2], [4, 2], [5, 3], [16129, 127], [4294967295, 65536]]) {
    assert.equal(rootUp(square), root);
  }
});

test("the disc is reached and never left", () => {
  for (let x = -127; x <= 127; x++) {
    for (let y = -127; y <= 127; y++) {
      const [a, b] = withinDisc(x, y, 127);
      assert.ok(a * a + b * b <= 127 * 127);
    }
  }
  assert.deepEqual(withLength(1, 1, 96), [67, 67]);
  assert.deepEqual(withLength(-1, 0, 96), [-96, 0]);
  assert.deepEqual(withLength(3, -4, 10), [6, -8]);
  assert.deepEqual(withLength(0, 0, 96), [0, 0]);
});

test("full speed after eight ticks, and a wall stops it where they touch", () => {
  let walker = body(1000, 1000);
  for (let tick = 0; tick < 8; tick++) walker = step(walker, input(127), terrain, []);
  assert.equal(walker.vx, 32);
  for (let tick = 0; tick < 100; tick++) walker = step(walker, input(127), terrain, []);
  assert.deepEqual([walker.x, walker.y, walker.vx], [8 * 256 - 102, 1000, 0]);
});

test("two in the very same spot part, the lower seat to the left", () => {
  const [one, other] = [body(1000, 1000), body(1000, 1000, { id: 2, seat: 1 })];
  assert.equal(step(one, input(0), terrain, [other]).x, 1000 - 64);
  assert.equal(step(other, input(0), terrain, [one]).x, 1000 + 64);
});

test("the dead do not walk", () => {
  const dead = body(1000, 1000, { health: 0 });
  assert.deepEqual(step(dead, input(127), terrain, []), dead);
});

test("inputs on their way are applied to the newest state, and a right guess glides nowhere", () => {
  const predictor = new Predictor(terrain);
  const server = [body(1000, 1000)];
  predictor.onState(0, server[0], [server[0]], 0);
  for (let tick = 1; tick <= 12; tick++) {
    predictor.onInput(tick, input(127));
    server.push(step(server.at(-1), input(127), terrain, []));
  }
  assert.equal(predictor.drawn(12.999999, 0).x.toFixed(2), server[12].x.toFixed(2));
  predictor.onState(6, server[6], [server[6]], 12.5);
  assert.deepEqual([predictor.glideX, predictor.glideY], [0, 0]);
  assert.equal(predictor.before(12).x, server[11].x);
});

test("what the server says otherwise is glided to, a respawn is jumped to", () => {
  const predictor = new Predictor(terrain);
  predictor.onState(0, body(1000, 1000), [], 0);
  predictor.onState(1, body(1040, 1000), [], 1);
  assert.equal(predictor.drawn(1, 0).x, 1000);
  assert.equal(predictor.drawn(1, 200).x, 1020, "half of it in 200 ms");
  assert.ok(Math.abs(predictor.drawn(1, 2000).x - 1040) < 0.1);
  predictor.onState(2, body(3000, 500), [], 2);
  assert.equal(predictor.drawn(2, 2000).x, 3000);
});

const state = (players, pickups = []) => ({ player: players, pickup: pickups });

test("others are drawn between two states; what happened is told once", () => {
  const scene = new Scene();
  scene.onState(10, state([body(1000, 1000)]));
  scene.onState(12, state([body(1064, 1000, { health: 75 })]));
  assert.equal(scene.players(11)[0].x, 1032);
  assert.equal(scene.players(11)[0].health, 100);
  scene.onState(13, state([body(9000, 9000, { health: 0 })]));
  assert.equal(scene.players(12.5)[0].x, 1064, "nobody is drawn on the way of a respawn");
  const told = [];
  const on = (what) => (row) => told.push([what, row.health]);
  const tell = (tick) => scene.tell(tick, { hit: on("hit"), died: on("died"), came: on("came"), taken: on("taken") });
  for (const tick of [10.5, 11.9, 12.1, 12.2, 13]) tell(tick);
  assert.deepEqual(told, [["hit", 75], ["died", 0]]);
});

function drawnShots(shots, tick, ahead) {
  const seen = [];
  const nothing = () => {};
  shots.each(tick, ahead, {
    draw: (x, y) => seen.push(Math.round(x)), fired: nothing, ended: nothing, blocked: () => false,
  });
  return seen;
}

test("a shot of ours is drawn at once, becomes the server's, and is where the rules say", () => {
  const shots = new Shots(terrain);
  const ours = body(300, 1000);
  assert.ok(shots.onTrigger(100, true, ours, { aim_x: 127, aim_y: 0 }));
  assert.ok(!shots.onTrigger(101, true, ours, { aim_x: 127, aim_y: 0 }), "the gun cools down");
  assert.equal(drawnShots(shots, 94, 100.5).length, 1);
  shots.onState(100, [{ id: 7, x: 300, y: 1000, vx: 96, vy: 0, owner: 0, born: 100 }], 0);
  assert.equal(drawnShots(shots, 95, 101.5).length, 1, "the guess is gone, the shot is there");
  const theirs = new Shots(terrain);
  theirs.onState(100, [{ id: 8, x: 300, y: 1000, vx: 96, vy: 0, owner: 3, born: 100 }], 0);
  assert.deepEqual(drawnShots(theirs, 99, 106), [], "not before it was fired");
  assert.deepEqual(drawnShots(theirs, 104.5, 110), [300 + 96 * 4.5]);
});

test("a shot that the server never fired is taken back", () => {
  const shots = new Shots(terrain);
  shots.onTrigger(100, true, body(300, 1000), { aim_x: 127, aim_y: 0 });
  shots.onState(99, [], 0);
  assert.equal(shots.shots.size, 1);
  shots.onState(100, [], 0);
  assert.equal(shots.shots.size, 0);
});

test("a hit is ours if our shot is gone where and when somebody is hit", () => {
  const shots = new Shots(terrain);
  const [mine, theirs] = [{ owner: 0, x: 300 }, { owner: 3, x: 300 }].map((row, id) =>
    ({ id, y: 1000, vx: 96, vy: 0, born: 100, ...row }));
  shots.onState(100, [mine, theirs], 0);
  shots.onState(104, [mine], 0);
  const victim = body(300 + 96 * 4 + 60, 1000);
  assert.ok(!shots.met(104, victim), "that was the other's");
  shots.onState(105, [], 0);
  assert.ok(shots.met(105, victim));
  assert.ok(!shots.met(104, victim), "not then");
  assert.ok(!shots.met(105, body(300 + 96 * 5, 1400)), "not there");
});

test("a shot of ours has met somebody where states are missing, too", () => {
  const shots = new Shots(terrain);
  const row = { id: 7, x: 300, y: 1000, vx: 96, vy: 0, owner: 0, born: 100 };
  shots.onState(101, [row], 0);
  shots.onState(112, [], 0);
  assert.ok(shots.met(112, body(300 + 96 * 5, 1000)), "it passed there while nothing was heard");
  assert.ok(!shots.met(112, body(300 + 96 * 5, 1400)), "not there");
  assert.ok(!shots.met(112, body(300 - 96 * 5, 1000)), "nor before it was fired");
});

const rgb = (colour) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
const apart = (one, other) => Math.hypot(...rgb(one).map((channel, index) => channel - rgb(other)[index]));

test("28 seats have colours that can be told apart, and nobody has ours", () => {
  assert.equal(OTHERS.length, 28);
  for (const [seat, colour] of OTHERS.entries()) {
    assert.deepEqual([colourOf(seat, -1), colourOf(seat, seat)], [colour, OWN]);
    assert.ok(apart(colour, OWN) > 59, `${colour} is nearly ours`);
    for (const other of OTHERS.slice(0, seat)) assert.ok(apart(colour, other) > 40, `${colour} is nearly ${other}`);
  }
});

test("what stands over somebody becomes faint, and only that", () => {
  const part = (left, top) => {
    const classes = new Set();
    const classList = { toggle: (name, on) => on ? classes.add(name) : classes.delete(name) };
    return { classes, classList, getBoundingClientRect: () => ({ left, top, right: left + 100, bottom: top + 50 }) };
  };
  const [round, menu] = [part(400, 0), part(0, 700)];
  const clearing = new Clearing([round, menu]);
  const faint = () => [round, menu].map(({ classes }) => classes.has("faint"));
  clearing.update([[450, 70], [600, 400]]);
  assert.deepEqual(faint(), [true, false], "a body below it is near enough");
  clearing.update([[450, 90], [50, 720]]);
  assert.deepEqual(faint(), [false, true]);
  clearing.update([]);
  assert.deepEqual(faint(), [false, false]);
});

test("scores have one order in every window", () => {
  const player = (seat, kills, deaths) => ({ seat, kills, deaths });
  const order = ranked([player(0, 1, 3), player(1, 2, 9), player(2, 1, 1), player(3, 1, 3)]);
  assert.deepEqual(order.map(({ seat }) => seat), [1, 2, 0, 3]);
});

test("names are as the server takes them", () => {
  assert.equal(cleanName("  an\u0000n\u202e "), "ann");
  assert.equal(Array.from(cleanName("\u{1f600}".repeat(50))).length, 32);
  assert.equal(cleanName("\u200b \n"), "");
});
