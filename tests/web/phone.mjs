// The page on a phone: nothing is wider than the screen, and two thumbs play.

import { check, until } from "./browser.mjs";

export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

export async function checkPhone(windows, base) {
  const page = await windows.open("phone", PHONE);
  await page.goto(base);
  await until(page, "the list and the maps", () => document.querySelectorAll(".preset").length === 3);
  await nothingOverflows(page, "the lobby");
  await page.fill("#name", "A name of thirty-two characters");
  await page.locator(".preset", { hasText: "Skirmish" }).tap();
  await page.locator("#create-button").tap();
  await until(page, "the round", () => window.tickstone?.match.phase === "playing" && window.tickstone.match.state.own);
  await nothingOverflows(page, "the match");
  await thumbs(page);
  await page.locator("#menu-open").tap();
  await nothingOverflows(page, "the menu");
  await page.locator("#show-table").tap();
  await until(page, "the scores", () => !document.querySelector("#table").hidden);
  await nothingOverflows(page, "the scores");
  await page.locator("#chat-open").tap();
  await until(page, "the chat", () => document.activeElement.id === "chat-text");
  await nothingOverflows(page, "the match's chat");
}

/** Everything that is shown is within the screen's width. */
export async function nothingOverflows(page, where) {
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const isOut = (element) => {
      const box = element.getBoundingClientRect();
      return box.width > 0 && box.height > 0 && (box.left < -0.5 || box.right > width + 0.5);
    };
    const shown = [...document.querySelectorAll("body *")].filter((element) => element.checkVisibility());
    const names = shown.filter(isOut).map((element) => `${element.tagName}#${element.id}.${element.className}`);
    if (document.documentElement.scrollWidth > width) names.push(`the page itself: ${document.documentElement.scrollWidth}`);
    return names;
  });
  check(wide.length === 0, `${where} at 390 pixels: ${wide.join(", ")} is wider than the screen`);
}

// Left thumb down: walks down. Right thumb to the right: aims there and shoots.
async function thumbs(page) {
  const from = await page.evaluate(() => window.tickstone.match.state.own.y);
  const session = await page.context().newCDPSession(page);
  const touch = (type, touchPoints) => session.send("Input.dispatchTouchEvent", { type, touchPoints });
  await touch("touchStart", [{ x: 90, y: 650, id: 1 }, { x: 300, y: 650, id: 2 }]);
  await touch("touchMove", [{ x: 90, y: 700, id: 1 }, { x: 350, y: 650, id: 2 }]);
  await until(page, "a thumb to move the player", (y) => window.tickstone.match.state.own.y > y + 256, from);
  await until(page, "a thumb to aim and shoot", () => {
    const { match } = window.tickstone;
    const mine = [...match.shots.shots.values()].some((shot) => shot.mine && !shot.guess && shot.vx === 96);
    return mine && match.state.own.aim_x === 127;
  });
  await touch("touchEnd", []);
}
