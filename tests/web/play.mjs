// Two people play and talk in two windows, the server is killed under them, and they go on.
//
// `node play.mjs URL`. Says `restart` on stdout when the server is to be killed and started again, and goes on
// when a line comes on stdin. Exit status 0 if everything was as it should be.

import { createInterface } from "node:readline";
import { check, launch, until, Windows } from "./browser.mjs";
import { chatInMatch, chatOn } from "./match_chat.mjs";
import { checkPhone } from "./phone.mjs";
import { checkPrediction, recordSteps } from "./prediction.mjs";

const base = process.argv[2];
const stdin = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const scores = (page) => page.locator("#scores tr").evaluateAll((rows) => rows.map((row) => row.innerText));
const playing = (page) => until(page, "the round to be played", () => window.tickstone?.match.phase === "playing"
  && window.tickstone.match.state.own !== null);
const seatOf = (page) => page.evaluate(() => window.tickstone.match.seat);
const placeOf = (page, seat) => page.evaluate((wanted) =>
  window.tickstone.match.state.players.find((player) => player.seat === wanted).x, seat);

async function joinByLink(windows) {
  const ann = await windows.open("ann", { viewport: { width: 1280, height: 800 } });
  await ann.goto(base);
  await ann.fill("#name", "Ann");
  await ann.locator(".preset", { hasText: "Duel" }).click();
  await ann.click("#create-button");
  await until(ann, "the lobby of the match", () => document.querySelector("#middle-title").textContent.startsWith("Waiting"));
  const link = ann.url();
  check(/\?match=[\w.:-]+$/.test(link), `no link to the match: ${link}`);
  const bob = await windows.open("bob", { viewport: { width: 1000, height: 700 } });
  await bob.goto(link);
  await until(bob, "the invitation", () => !document.querySelector("#invite").hidden);
  await bob.fill("#name", "Bob");
  await bob.click("#play-button");
  await Promise.all([playing(ann), playing(bob)]);
  return { ann, bob, link };
}

// Both stand in one row of the map `yard`, further apart than a shot flies.
async function fight(ann, bob) {
  await ann.mouse.move(1100, 400);
  const [mine, start] = [await seatOf(ann), await placeOf(bob, await seatOf(ann))];
  await recordSteps(ann);
  await ann.keyboard.down("KeyD");
  await until(bob, "Ann to be seen moving", ([seat, from]) =>
    window.tickstone.match.state.players.find((player) => player.seat === seat).x > from + 5 * 256, [mine, start]);
  await ann.keyboard.up("KeyD");
  await checkPrediction(ann);
  // The gun points at Bob, wherever the camera is.
  const target = await ann.evaluate(() => window.tickstone.controls.origin);
  await ann.mouse.move(1200, target[1]);
  // Looked for all the while: the next shot that meets him once he is back is no end of his.
  const marked = until(ann, "the mark of her last hit", () => window.tickstone.painter.marker?.killed);
  await ann.mouse.down();
  await until(bob, "Bob to be hit", () => Number(document.querySelector("#health-number").textContent) < 100);
  await until(ann, "Ann to have taken Bob out", () => window.tickstone.match.state.own.kills >= 1);
  await ann.mouse.up();
  await marked;
  check(await bob.evaluate(() => window.tickstone.painter.marker === null), "Bob is told of hits that were not his");
  for (const page of [ann, bob]) await nobodyHidden(page);
  await until(bob, "Bob's feed to say so", () => document.querySelector("#feed").textContent.includes("Ann took out You"));
  for (const page of [ann, bob]) {
    await until(page, "the score", () => document.querySelector("#scores").innerText.includes("Ann\t1\t0"));
  }
  check(String(await scores(ann)) === String(await scores(bob)), `${await scores(ann)} is not ${await scores(bob)}`);
}

// Nobody who lives is behind a part of the HUD that is not faint.
async function nobodyHidden(page) {
  await until(page, "everybody to be seen", () => {
    const { camera } = window.tickstone.painter;
    const places = window.tickstone.match.state.players.filter((player) => player.health > 0)
      .map((player) => camera.toScreen(player.x, player.y));
    const parts = ["round", "leaders", "minimap", "connection", "feed", "status", "menu", "chat"].map((id) => document.getElementById(id));
    return parts.every((part) => {
      const box = part.getBoundingClientRect();
      const isOver = ([x, y]) => x > box.left && x < box.right && y > box.top && y < box.bottom;
      return part.classList.contains("faint") || !places.some(isOver);
    });
  });
}

async function killTheServer(windows, ann, bob) {
  const seats = [await seatOf(ann), await seatOf(bob)];
  const epoch = await ann.evaluate(() => window.tickstone.match.session.welcome.epoch);
  const before = await scores(ann);
  windows.isOutage = true;
  const lost = [ann, bob].map((page) => until(page, "the page to say that it lost the server", () =>
    !document.querySelector("#lost").hidden && document.querySelector("#lost").innerText.includes("Lost the server")));
  console.log("restart");
  await Promise.all(lost);
  await stdin.next();
  for (const page of [ann, bob]) {
    await until(page, "the match to go on", (old) => {
      const { session, state } = window.tickstone.match;
      return session.welcome?.epoch > old && state !== null && document.querySelector("#lost").hidden;
    }, epoch);
  }
  windows.isOutage = false;
  const after = [await seatOf(ann), await seatOf(bob)];
  check(String(after) === String(seats), `seats ${seats} have become ${after}`);
  for (const page of [ann, bob]) check(String(await scores(page)) === String(before), `${before} has become ${await scores(page)}`);
  await moves(bob, ann);
  await moves(ann, bob);
}

// One walks toward the middle of the map, where no wall is in the way; the other sees it.
async function moves(walker, watcher) {
  const seat = await seatOf(walker);
  await until(walker, "the player to live", () => window.tickstone.match.state.own.health > 0);
  const from = await placeOf(watcher, seat);
  const key = from > 12 * 256 ? "KeyA" : "KeyD";
  await walker.keyboard.down(key);
  await until(watcher, "the other one to be seen moving", ([wanted, x]) =>
    Math.abs(window.tickstone.match.state.players.find((player) => player.seat === wanted).x - x) > 256, [seat, from]);
  await walker.keyboard.up(key);
}

async function reload(page) {
  const seat = await seatOf(page);
  await page.reload();
  await until(page, "the seat after a reload", (wanted) => window.tickstone?.match.state?.own?.seat === wanted, seat);
}

async function noThird(windows, page, link) {
  const third = await windows.watch("third", await page.context().newPage());
  await third.goto(link);
  await third.click("#play-button");
  await until(third, "the match to be full", () => document.querySelector("#end-title").innerText === "The match is full");
  await third.close();
}

async function leave(page) {
  await page.keyboard.press("Escape");
  await until(page, "the menu", () => document.activeElement.id === "copy");
  await page.click("#leave");
  await until(page, "the lobby", () => !document.querySelector("#lobby").hidden && location.search === "");
}

const browser = await launch();
const windows = new Windows(browser);
try {
  const { ann, bob, link } = await joinByLink(windows);
  await fight(ann, bob);
  await chatInMatch(ann, bob);
  await killTheServer(windows, ann, bob);
  await chatOn(ann, bob);
  await reload(bob);
  await noThird(windows, ann, link);
  await leave(ann);
  await bob.close();
  await checkPhone(windows, base);
  check(windows.faults.length === 0, windows.faults.join("\n"));
  console.log("played");
} catch (error) {
  console.error(error.message, "\nfaults of the pages:\n", windows.faults.join("\n"));
  process.exitCode = 1;
} finally {
  await browser.close();
  process.stdin.destroy();
}
