// Two people talk in two windows and see who is there; a third one watches who is around. The server is killed under
// them and then restarted as it should be, and they talk on.
//
// `node chat.mjs URL`. Says `kill` and `drain` on stdout when the server is to be ended so and started again, and goes
// on when a line comes on stdin. Exit status 0 if everything was as it should be.

import { createInterface } from "node:readline";
import { check, launch, until, Windows } from "./browser.mjs";
import { nothingOverflows, PHONE } from "./phone.mjs";

const base = process.argv[2];
const stdin = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const ANN = "Ann";
/** A name that would be markup if anybody took it for that. */
const BOB = "<i>Bob</i>";
const HOSTILE = "<img src=x onerror=\"window.forbidden('a script of a message ran')\"><b>bold</b> &amp; <script>window.forbidden('so did this')</script>";

/** A moderator's call: on a server in dev mode everybody on the machine is one. */
async function moderate(object, method, body) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${base}/v1/objects/${object}/call/${method}`, { method: "POST", headers, body: JSON.stringify(body) });
  check(answer.ok, `${method}: ${answer.status} ${await answer.text()}`);
}

const isHere = (page) => until(page, "the room", () => document.querySelector("#standing").dataset.phase === "open"
  && window.tickstone?.room.user);
const statusOf = (page, user, wanted) => until(page, `${user} to be ${wanted}`, ([name, words]) => {
  const row = [...document.querySelectorAll(".person")].find((person) => person.title === name);
  return row?.querySelector(".person-status").textContent === words;
}, [user, wanted]);
const textsOf = (page) => page.locator("#log .said").evaluateAll((rows) => rows.map((row) => row.textContent));
const notesOf = (page) => page.locator("#log .note").evaluateAll((rows) => rows.map((row) => row.textContent));
const reads = (page, text) => until(page, `"${text}" to be read`, (wanted) =>
  [...document.querySelectorAll("#log .said")].at(-1)?.textContent === wanted, text);
const problem = (page, words) => until(page, `"${words}"`, (wanted) => document.querySelector("#problem").innerText.includes(wanted), words);

async function says(page, text) {
  await page.fill("#text", text);
  await page.keyboard.press("Enter");
  await until(page, "what was sent to be on the disk", () => window.tickstone.room.pending === null);
}

async function enter(windows) {
  const ann = await windows.open("ann", { viewport: { width: 1280, height: 800 } });
  await ann.goto(`${base}/chat`);
  await ann.fill("#name", ANN);
  await ann.fill("#room", "town square");
  await ann.keyboard.press("Enter");
  await isHere(ann);
  check(new URL(ann.url()).search === "?room=town-square", `no link to the room: ${ann.url()}`);
  const bob = await windows.open("bob", { viewport: { width: 900, height: 700 } });
  await bob.goto(`${base}/chat`);
  // The list of rooms is for everybody, before they have said who they are.
  await bob.locator("#rooms .room", { hasText: "town-square" }).click();
  await bob.fill("#name", BOB);
  await bob.click("#who button");
  await isHere(bob);
  await until(ann, "Bob to come", (name) => document.querySelector("#log").innerText.includes(`${name} came`), BOB);
  await until(ann, "two members in the list of rooms", () => document.querySelector("#rooms .members").textContent === "2");
  for (const page of [ann, bob]) {
    check(await page.textContent("#members") === "2 members", "the room's head does not say how many are there");
    await statusOf(page, ANN, "online");
    await statusOf(page, BOB, "online");
  }
  return { ann, bob };
}

async function talk(ann, bob) {
  await bob.focus("#text");
  await bob.keyboard.type("is anybody");
  await until(ann, "Bob to be seen typing", (name) => document.querySelector("#typing").textContent === `${name} is typing`, BOB);
  await statusOf(ann, BOB, "typing");
  await bob.keyboard.type(" there?");
  await bob.keyboard.press("Enter");
  for (const page of [ann, bob]) await reads(page, "is anybody there?");
  await statusOf(ann, BOB, "online");
  await until(ann, "nobody to be typing", () => document.querySelector("#typing").textContent.trim() === "");
  await says(ann, HOSTILE);
  await reads(bob, HOSTILE);
  for (const page of [ann, bob]) {
    const made = await page.evaluate(() => document.querySelectorAll("#log img, #log script, #log i, #log .said *, #people i:not(.dot)").length);
    check(made === 0, "a message or a name has become a part of the page");
    await page.locator("#log .who", { hasText: BOB }).first().waitFor();
  }
  await ann.focus("#text");
  await ann.keyboard.type("two");
  await ann.keyboard.press("Shift+Enter");
  await ann.keyboard.type("lines");
  await ann.keyboard.press("Enter");
  await reads(bob, "two\nlines");
}

async function refusals(ann, bob) {
  await moderate("chat/town-square", "configure", { text_bytes_max: 300, burst: 1, interval_ms: 2_000 });
  await ann.reload();
  await isHere(ann);
  await ann.fill("#text", "\u00e4".repeat(151));
  await until(ann, "the count of bytes", () => document.querySelector("#left").innerText === "2 too many");
  await ann.keyboard.press("Enter");
  await problem(ann, "Too long by 2 bytes");
  await ann.fill("#text", "\u00e4".repeat(150));
  await ann.keyboard.press("Enter");
  await reads(bob, "\u00e4".repeat(150));
  await says(ann, "again");
  await problem(ann, "Too fast");
  check(await ann.inputValue("#text") === "again", "what was not taken is gone");
  await moderate("chat/town-square", "configure", { burst: 100, interval_ms: 1 });
  await moderate("chat/town-square", "mute", { user: ANN, seconds: 600 });
  await until(ann, "Ann to be muted", () => document.querySelector("#text").disabled);
  await problem(ann, "A moderator has muted you until");
  await moderate("chat/town-square", "unmute", { user: ANN });
  await until(ann, "Ann to speak again", () => !document.querySelector("#text").disabled);
  await says(ann, "sorry");
  await reads(bob, "sorry");
  const { id } = await bob.evaluate(() => window.tickstone.room.history.messages.at(-1));
  await moderate("chat/town-square", "delete", { id });
  await until(bob, "the message to be gone", () => document.querySelector("#log").innerText.includes("A message was taken away"));
  check(!(await textsOf(bob)).includes("sorry"), "a message that was taken away is still there");
}

async function whoIsAround(windows, ann, bob) {
  const eve = await windows.open("eve", { viewport: { width: 1000, height: 700 } });
  await eve.goto(`${base}/presence?space=town-square`);
  await eve.fill("#name", "Eve");
  await eve.click("#who button");
  for (const page of [ann, bob, eve]) await statusOf(page, "Eve", "online");
  await looksAway(bob, true);
  for (const page of [ann, eve]) await statusOf(page, BOB, "away");
  await looksAway(bob, false);
  for (const page of [ann, eve]) await statusOf(page, BOB, "online");
  await eve.locator("#statuses label", { hasText: "Invisible" }).click();
  await statusOf(ann, "Eve", "offline");
  await statusOf(eve, ANN, "online");
  await eve.fill("#friends", `${BOB}, Nobody`);
  await eve.keyboard.press("Enter");
  await statusOf(eve, "Nobody", "offline");
  await statusOf(eve, BOB, "online");
  check(await eve.locator(".person").count() === 2, "others are shown than those who are watched");
  return eve;
}

// As a browser says it of a window that is behind another one.
function looksAway(page, isHidden) {
  return page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isHidden);
}

const allStand = (page) => until(page, "every socket to stand", () =>
  ["room", "space"].every((part) => (window.tickstone[part]?.socket.phase ?? "open") === "open"));

async function serverEnds(windows, how, pages) {
  windows.isOutage = true;
  const lost = pages.map((page) => until(page, "the page to say that the connection is gone", () =>
    document.querySelector("#standing").dataset.phase === "waiting" && /Trying again in/.test(document.querySelector("#standing").innerText)));
  console.log(how);
  await Promise.all(lost);
  await stdin.next();
  for (const page of pages) await until(page, "the connection", () => document.querySelector("#standing").dataset.phase === "open");
}

async function killed(windows, { ann, bob, eve }) {
  const before = await textsOf(ann);
  await ann.fill("#text", "half a sentence");
  await serverEnds(windows, "kill", [ann, bob, eve]);
  for (const page of [ann, bob]) {
    await until(page, "the page to be back", () => document.querySelector("#log").innerText.includes("You are back"));
    check(String(await textsOf(page)) === String(before), "a kill changed what was said");
  }
  check(await ann.inputValue("#text") === "half a sentence", "a kill took what was being written");
  await ann.keyboard.press("Enter");
  await reads(bob, "half a sentence");
  await says(bob, "and the rest");
  await reads(ann, "and the rest");
  await statusOf(eve, BOB, "online");
  await statusOf(ann, BOB, "online");
}

// Who comes back by a resume token has never been away to others.
async function drained(windows, { ann, bob, eve }) {
  for (const page of [ann, bob]) await page.evaluate(() => document.querySelectorAll("#log .note").forEach((note) => note.remove()));
  // The page shows the room's connection: that of the presence may still be on its way back from the kill.
  for (const page of [ann, bob, eve]) await allStand(page);
  await serverEnds(windows, "drain", [ann, bob, eve]);
  windows.isOutage = false;
  for (const page of [ann, bob, eve]) {
    await allStand(page);
    const urls = await page.evaluate(() => ["room", "space"].flatMap((part) => window.tickstone[part]?.socket.socket.url ?? []));
    check(urls.every((url) => url.includes("?resume=")), `not by a resume token: ${urls}`);
  }
  await says(ann, "after the restart");
  await reads(bob, "after the restart");
  await says(bob, "nobody has left");
  await reads(ann, "nobody has left");
  for (const page of [ann, bob]) {
    const notes = (await notesOf(page)).filter((note) => note !== "You are back");
    check(notes.length === 0, `a restart was seen by others: ${notes}`);
  }
}

async function closes({ ann, bob, eve }) {
  await moderate("presence/town-square", "configure", { grace_ms: 1_000 });
  await bob.close();
  await until(ann, "Bob to have left", (name) => document.querySelector("#log").innerText.includes(`${name} left`), BOB);
  for (const page of [ann, eve]) await statusOf(page, BOB, "offline");
}

async function phone(windows) {
  const page = await windows.open("phone", PHONE);
  await page.goto(`${base}/chat?room=town-square`);
  await nothingOverflows(page, "the question who one is");
  await page.fill("#name", "A name of thirty-two characters!");
  await page.locator("#who button").tap();
  await isHere(page);
  await says(page, "a_word_that_does_not_end_".repeat(10));
  for (const view of ["rooms", "people", "talk"]) {
    await page.locator(`.views [data-view=${view}]`).tap();
    await until(page, "the part that was chosen", (name) => document.querySelector(`#columns > .${name}`).checkVisibility(), view);
    await nothingOverflows(page, `the chat's part ${view}`);
  }
  await page.goto(`${base}/presence?space=town-square`);
  await until(page, "who is around", () => document.querySelectorAll(".person").length >= 2);
  await nothingOverflows(page, "who is around");
}

const browser = await launch();
const windows = new Windows(browser);
try {
  const { ann, bob } = await enter(windows);
  await talk(ann, bob);
  await refusals(ann, bob);
  const eve = await whoIsAround(windows, ann, bob);
  await killed(windows, { ann, bob, eve });
  await drained(windows, { ann, bob, eve });
  await closes({ ann, bob, eve });
  await phone(windows);
  check(windows.faults.length === 0, windows.faults.join("\n"));
  console.log("talked");
} catch (error) {
  console.error(error.message, "\nfaults of the pages:\n", windows.faults.join("\n"));
  process.exitCode = 1;
} finally {
  await browser.close();
  process.stdin.destroy();
}
