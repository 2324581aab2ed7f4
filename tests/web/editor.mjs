// Two people draw one map in two windows, beside a client of Yjs, begin a match on it, and play on what they drew.
//
// `node editor.mjs URL`. Says `drawn` on stdout when the server is to be killed and started again, and goes on when a
// line comes on stdin. Exit status 0 if everything was as it should be.

import { createInterface } from "node:readline";
import { WebSocket } from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { check, launch, until, Windows } from "./browser.mjs";
import { nothingOverflows, PHONE } from "./phone.mjs";

const base = process.argv[2];
const stdin = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const SIZE = 24;

const tileOf = (page, x, y) => page.evaluate(([column, row]) => window.tickstone.drawing.at(column, row), [x, y]);
const shows = (page, x, y, kind) => until(page, `${kind} at ${x},${y}`, ([column, row, wanted]) =>
  window.tickstone.drawing.at(column, row) === wanted, [x, y, kind]);
const isOpen = (page) => until(page, "the map to be there", () => window.tickstone?.mayEdit
  && document.querySelector("#standing").dataset.phase === "open");

async function middleOf(page, x, y) {
  const box = await page.locator("#board").boundingBox();
  return [box.x + ((x + 0.5) / SIZE) * box.width, box.y + ((y + 0.5) / SIZE) * box.height];
}

async function draw(page, tool, from, to = from) {
  await page.locator(`#tools label:has([value=${tool}])`).click();
  await page.mouse.move(...await middleOf(page, ...from));
  await page.mouse.down();
  await page.mouse.move(...await middleOf(page, ...to), { steps: 3 });
  await page.mouse.up();
}

async function drawTogether(ann, bob) {
  await Promise.all([draw(ann, "wall", [5, 12], [15, 12]), draw(bob, "wall", [10, 4], [10, 8])]);
  for (const page of [ann, bob]) {
    for (const x of [5, 9, 15]) await shows(page, x, 12, "wall");
    for (const y of [4, 6, 8]) await shows(page, 10, y, "wall");
  }
  await draw(bob, "erase", [7, 12]);
  await shows(ann, 7, 12, null);
  // With the keys alone.
  await ann.focus("#board");
  await ann.locator("#tools label:has([value=pickup])").click();
  await ann.focus("#board");
  for (const key of ["ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight", "Space"]) await ann.keyboard.press(key);
  await shows(bob, 3, 1, "pickup");
}

/** A client of Yjs edits the very same map. */
async function drawWithYjs(ann) {
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(`${base.replace(/^http/, "ws")}/v1/objects/document/map.field`, "socket", doc, {
    WebSocketPolyfill: WebSocket, disableBc: true,
  });
  await new Promise((done) => provider.once("synced", done));
  const tiles = doc.getMap("tiles");
  check(tiles.get("5,12") === "wall" && !tiles.has("7,12"), "a client of Yjs sees another map");
  tiles.set("20,3", "wall");
  await shows(ann, 20, 3, "wall");
  provider.destroy();
}

async function drawOnAPhone(windows, ann) {
  const phone = await windows.open("phone", PHONE);
  await phone.goto(`${base}/editor?map=field`);
  await isOpen(phone);
  await nothingOverflows(phone, "the map");
  await phone.locator("#board").scrollIntoViewIfNeeded();
  await phone.touchscreen.tap(...await middleOf(phone, 1, 20));
  await shows(ann, 1, 20, "wall");
  await phone.close();
}

async function goOnAfterAKill(windows, ann, bob) {
  windows.isOutage = true;
  console.log("drawn");
  await until(ann, "the page to say that it lost the server", () => document.querySelector("#standing").dataset.phase !== "open");
  await stdin.next();
  for (const page of [ann, bob]) await isOpen(page);
  windows.isOutage = false;
  check(await tileOf(bob, 20, 3) === "wall" && await tileOf(bob, 7, 12) === null, "something was lost");
  await draw(bob, "wall", [20, 5]);
  await shows(ann, 20, 5, "wall");
}

async function beginAMatch(windows, ann, bob) {
  // A browser says of every refusal that it failed to load.
  windows.isOutage = true;
  await ann.click("#start");
  await until(ann, "to be told what is missing", () => document.querySelector("#problem").innerText.includes("no spawn point"));
  windows.isOutage = false;
  await draw(ann, "spawn", [2, 2]);
  await draw(bob, "spawn", [21, 21]);
  await shows(ann, 21, 21, "spawn");
  await ann.click("#start");
  const links = await Promise.all([ann, bob].map(async (page) => {
    await until(page, "the way to the match", () => !document.querySelector("#begun").hidden);
    return page.getAttribute("#join", "href");
  }));
  check(links[0] === links[1] && links[0].startsWith("/?match="), `two ways to one match: ${links}`);
}

async function play(pages) {
  for (const [page, name] of pages) {
    await page.click("#join");
    await until(page, "the invitation", () => document.querySelector("#invite") && !document.querySelector("#invite").hidden);
    await page.fill("#name", name);
    await page.click("#play-button");
  }
  for (const [page] of pages) {
    await until(page, "the round to be played", () => window.tickstone?.match?.phase === "playing"
      && window.tickstone.match.state.own !== null && window.tickstone.match.state.players.length === 2);
    const seen = await page.evaluate(() => {
      const { terrain } = window.tickstone.match;
      return [terrain.name, terrain.width, [[5, 12], [7, 12], [10, 6], [20, 3], [20, 5], [2, 2]].map(([x, y]) => terrain.isSolid(x, y))];
    });
    check(JSON.stringify(seen) === JSON.stringify(["field", SIZE, [true, false, true, true, true, false]]), `another map: ${JSON.stringify(seen)}`);
  }
}

// Whoever stands to the left walks right, and the other sees it.
async function walk(walker, watcher) {
  const { seat, x } = await walker.evaluate(() => window.tickstone.match.state.own && {
    seat: window.tickstone.match.seat, x: window.tickstone.match.state.own.x,
  });
  const key = x < 12 * 256 ? "KeyD" : "KeyA";
  await walker.keyboard.down(key);
  await until(watcher, "the other one to be seen walking", ([wanted, from]) =>
    Math.abs(window.tickstone.match.state.players.find((player) => player.seat === wanted).x - from) > 2 * 256, [seat, x]);
  await walker.keyboard.up(key);
}

const browser = await launch();
const windows = new Windows(browser);
try {
  const ann = await windows.open("ann", { viewport: { width: 1280, height: 900 } });
  const bob = await windows.open("bob", { viewport: { width: 1000, height: 800 } });
  for (const page of [ann, bob]) {
    await page.goto(`${base}/editor?map=field`);
    await isOpen(page);
  }
  await drawTogether(ann, bob);
  await drawWithYjs(ann);
  await drawOnAPhone(windows, ann);
  await goOnAfterAKill(windows, ann, bob);
  await beginAMatch(windows, ann, bob);
  await play([[ann, "Ann"], [bob, "Bob"]]);
  await walk(ann, bob);
  await walk(bob, ann);
  check(windows.faults.length === 0, windows.faults.join("\n"));
  console.log("played");
} catch (error) {
  console.error(error.stack, "\nfaults of the pages:\n", windows.faults.join("\n"));
  process.exitCode = 1;
} finally {
  await browser.close();
  process.stdin.destroy();
  process.exit();
}
