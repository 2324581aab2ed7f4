// Two players talk while they play: what is typed steers nothing, and a killed server takes nothing that was read.

import { check, until } from "./browser.mjs";

const chatIsThere = (page) => until(page, "the match's chat", () => window.tickstone.chat?.room.socket.isOpen);
const reads = (page, line) => until(page, `the line "${line}"`, (wanted) =>
  [...document.querySelectorAll("#chat-log li")].some((row) => row.innerText.includes(wanted)), line);
const linesOf = (page) => page.locator("#chat-log .said").evaluateAll((rows) => rows.map((row) => row.textContent));

async function says(page, text) {
  await page.keyboard.press("Enter");
  await until(page, "the chat to be open", () => document.activeElement.id === "chat-text");
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
  await until(page, "the arena to have the keys again", () => document.activeElement.id === "arena");
}

export async function chatInMatch(ann, bob) {
  await Promise.all([chatIsThere(ann), chatIsThere(bob)]);
  await typingSteersNothing(ann);
  await says(ann, "hello <b>Bob</b>");
  for (const page of [ann, bob]) await reads(page, "Ann: hello <b>Bob</b>");
  check(await bob.locator("#chat-log b:not(.who)").count() === 0, "a line has become a part of the page");
  check(await bob.textContent("#chat-unread") === "1", "Bob is not told that he has not opened it");
  check(await ann.textContent("#chat-unread") === "", "Ann is told of her own line");
  await ownColours(ann, bob);
  await says(bob, "hi");
  await reads(ann, "Bob: hi");
  check(await bob.textContent("#chat-unread") === "", "Bob has opened it");
  await fades(ann);
}

// All keys that steer, while the chat is open: neither the player moves nor their gun fires.
async function typingSteersNothing(page) {
  await page.keyboard.press("Enter");
  await until(page, "the player to stand", () => {
    const { own } = window.tickstone.match.state;
    return own.health > 0 && own.vx === 0 && own.vy === 0;
  });
  const [tick, x, y] = await page.evaluate(() => {
    const { tick, own } = window.tickstone.match.state;
    return [tick, own.x, own.y];
  });
  await page.keyboard.type("wwww aaaa ssss dddd");
  await until(page, "half a second of ticks", (from) => window.tickstone.match.state.tick > from + 30, tick);
  const own = await page.evaluate(() => window.tickstone.match.state.own);
  check(own.x === x && own.y === y, `typing moved the player from ${x}, ${y} to ${own.x}, ${own.y}`);
  check(await page.inputValue("#chat-text") === "wwww aaaa ssss dddd", "what was typed is not in the field");
  await page.fill("#chat-text", "");
  await page.keyboard.press("Escape");
  await until(page, "Escape to close the chat", () => document.activeElement.id === "arena" && document.querySelector("#chat-form").hidden);
}

// A player's lines have the colour of their body.
async function ownColours(ann, bob) {
  const colour = (page) => page.locator("#chat-log .who").first().evaluate((who) => who.style.getPropertyValue("--colour"));
  const body = await bob.locator("#scores .who", { hasText: "Ann" }).evaluate((who) => who.style.getPropertyValue("--colour"));
  check(await colour(ann) === "#4fe3ff", "Ann's own line is not in her own colour");
  check(await colour(bob) === body, "Ann's line is not in the colour of her body");
}

async function fades(page) {
  await until(page, "lines to fade", () => [...document.querySelectorAll("#chat-log li")].every((row) => getComputedStyle(row).opacity === "0"));
  await page.keyboard.press("Enter");
  await until(page, "lines to be there again", () => [...document.querySelectorAll("#chat-log li")].every((row) => getComputedStyle(row).opacity === "1"));
  await page.keyboard.press("Escape");
}

/** The same two after the server was killed. */
export async function chatOn(ann, bob) {
  await Promise.all([chatIsThere(ann), chatIsThere(bob)]);
  await says(bob, "still here");
  await reads(ann, "Bob: still here");
  for (const page of [ann, bob]) {
    const lines = await linesOf(page);
    check(String(lines) === "hello <b>Bob</b>,hi,still here", `after the kill the chat has: ${lines}`);
  }
}
