// The chat and who is around on a server that wants tokens: who has no link that brings one is told so, who has one is
// whom it names.
//
// `node guarded.mjs URL TOKEN`, the token of somebody called `ann` for the room and space `lobby`. Exit status 0 if
// everything was as it should be.

import { check, launch, until, Windows } from "./browser.mjs";

const [base, token] = process.argv.slice(2);

async function withoutALink(windows) {
  const page = await windows.open("eve", {});
  windows.isOutage = true;
  await page.goto(`${base}/chat`);
  await page.fill("#name", "ann");
  await page.click("#who button");
  await until(page, "the page to say that a token is needed", () => document.querySelector("#ended-title").innerText === "No entry");
  await page.goto(`${base}/presence?space=lobby`);
  await until(page, "the same of a space", () => document.querySelector("#who-problem").innerText.startsWith("No entry"));
  windows.isOutage = false;
  await page.close();
}

async function byLink(windows) {
  const page = await windows.open("ann", {});
  await page.goto(`${base}/chat?room=lobby#token=${token}`);
  await until(page, "the room, and who one is", () => document.querySelector("#me").textContent === "ann");
  await page.fill("#text", "I have a link");
  await page.keyboard.press("Enter");
  await until(page, "what was said", () => document.querySelector("#log .said")?.textContent === "I have a link");
  await until(page, "to be around", () => document.querySelector(".person.ours")?.title === "ann");
  // The token is for this room alone, and goes along to others none the less.
  windows.isOutage = true;
  await page.fill("#go-room", "elsewhere");
  await page.keyboard.press("Enter");
  await until(page, "another room to be shut", () => document.querySelector("#ended-title").innerText === "No entry");
  windows.isOutage = false;
  await page.goBack();
  await until(page, "the room again", () => document.querySelector("#log .said")?.textContent === "I have a link");
}

const browser = await launch();
const windows = new Windows(browser);
try {
  await withoutALink(windows);
  await byLink(windows);
  check(windows.faults.length === 0, windows.faults.join("\n"));
  console.log("entered");
} catch (error) {
  console.error(error.message, "\nfaults of the pages:\n", windows.faults.join("\n"));
  process.exitCode = 1;
} finally {
  await browser.close();
  process.stdin.destroy();
}
