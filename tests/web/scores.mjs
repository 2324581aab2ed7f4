// The leaderboard: its page follows what comes in, finds somebody, shows a season that is over; in a match the best few
// stand below the match's scores.
//
// `node scores.mjs URL`. Exit status 0 if everything was as it should be.

import { check, launch, until, Windows } from "./browser.mjs";
import { nothingOverflows, PHONE } from "./phone.mjs";

const base = process.argv[2];
/** A name that would be markup if anybody took it for that. */
const BOB = "<i>Bob</i>";

/** On a server in dev mode everybody on the machine may post results, and moderate. */
async function call(method, body) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${base}/v1/objects/leaderboard/arena/call/${method}`, { method: "POST", headers, body: JSON.stringify(body) });
  check(answer.ok, `${method}: ${answer.status} ${await answer.text()}`);
}

const rows = (page, list, wanted) => until(page, `the rows ${wanted} in ${list}`, ([selector, text]) => {
  const cells = (row) => [...row.cells].slice(0, 3).map((cell) => cell.textContent).join(" ");
  return [...document.querySelectorAll(`${selector} tr`)].map(cells).join("; ") === text;
}, [list, wanted]);

async function follows(windows) {
  const page = await windows.open("ann", { viewport: { width: 1280, height: 800 } });
  await page.goto(base);
  // As the game remembers it: the row of that name is ours.
  await page.evaluate(() => localStorage.setItem("tickstone.name", "Ann"));
  await call("submit", { scores: { Ann: 9, [BOB]: 12 }, key: "1" });
  await page.goto(`${base}/leaderboard`);
  await rows(page, "#entries", `1 ${BOB} 12; 2 Ann 9`);
  check(await page.locator("#entries i, #entries b").count() === 0, "a name has become a part of the page");
  check(await page.locator("#entries tr.ours .who").textContent() === "Ann", "our own row is not marked");
  await call("submit", { scores: { Ann: 1_300 }, key: "2" });
  await rows(page, "#entries", `1 Ann 1,300; 2 ${BOB} 12`);
  await page.fill("#user", BOB);
  await page.keyboard.press("Enter");
  await until(page, "Bob's place", () => document.querySelector("#found-words").textContent === "Rank 2 of 2");
  await rows(page, "#around", `1 Ann 1,300; 2 ${BOB} 12`);
  await page.fill("#user", "nobody");
  // That nobody of this name is there is a 404, which a browser takes for a fault.
  windows.isOutage = true;
  await page.keyboard.press("Enter");
  await until(page, "nobody's place", () => document.querySelector("#found-words").textContent === "nobody is not on this board.");
  windows.isOutage = false;
  return page;
}

async function seasons(page) {
  await call("reset", null);
  await call("submit", { scores: Object.fromEntries(Array.from({ length: 120 }, (_, n) => [`p${n}`, 1_000 - n])), key: "3" });
  await until(page, "the next season", () => document.querySelector("#season").textContent === "Season 2"
    && document.querySelectorAll("#entries tr").length === 100);
  await page.click("#more");
  await until(page, "all of them", () => document.querySelectorAll("#entries tr").length === 120 && document.querySelector("#more").hidden);
  const ranks = await page.locator("#entries tr").evaluateAll((all) => all.map((row) => Number(row.dataset.rank)));
  check(ranks.every((rank, index) => rank === index + 1), `ranks: ${ranks}`);
  await page.locator(".season", { hasText: "Season 1" }).click();
  await rows(page, "#entries", `1 Ann 1,300; 2 ${BOB} 12`);
  await page.locator(".season", { hasText: "This season" }).click();
  await until(page, "what is now", () => document.querySelector("#entries .who").textContent === "p0");
}

async function inAMatch(page) {
  await call("submit", { scores: { Ann: 3 }, key: "4" });
  await page.goto(base);
  await page.click("#play-button");
  await until(page, "the round", () => window.tickstone?.match.phase === "playing" && window.tickstone.match.state.own);
  await page.keyboard.down("Tab");
  await rows(page, "#board-scores", "1 p0 1,000; 2 p1 999; 3 p2 998; 4 p3 997; 5 p4 996");
  check(await page.textContent("#board-words") === "121 in all", "not all are counted");
  await page.keyboard.up("Tab");
  await until(page, "the scores to be gone", () => document.querySelector("#table").hidden);
}

async function onAPhone(windows) {
  const page = await windows.open("phone", PHONE);
  await page.goto(`${base}/leaderboard`);
  await until(page, "the list", () => document.querySelectorAll("#entries tr").length === 100);
  await nothingOverflows(page, "the leaderboard");
  await page.goto(`${base}/leaderboard?board=nobody-was-here`);
  await until(page, "an empty board", () => !document.querySelector("#none").hidden);
  await nothingOverflows(page, "an empty leaderboard");
}

const browser = await launch();
const windows = new Windows(browser);
try {
  const page = await follows(windows);
  await seasons(page);
  await inAMatch(page);
  await onAPhone(windows);
  check(windows.faults.length === 0, windows.faults.join("\n"));
  console.log("ranked");
} catch (error) {
  console.error(error.message, "\nfaults of the pages:\n", windows.faults.join("\n"));
  process.exitCode = 1;
} finally {
  await browser.close();
  process.stdin.destroy();
}
