// The picture of a fight in the README: joins a match of bots as a player would, and waits for something to see.
//
// `node screenshot.mjs URL LOADTEST FILE`, with a server at URL and the load test's program.

import { spawn } from "node:child_process";
import { launch, until, Windows } from "./browser.mjs";

const [base, loadtest, file] = process.argv.slice(2);
const bots = spawn(loadtest, ["run", "--url", base, "--matches", "1", "--players", "14", "--seconds", "90"], { stdio: "ignore" });
const browser = await launch();
try {
  const page = await new Windows(browser).open("picture", { viewport: { width: 1100, height: 690 } });
  await page.goto(base);
  await page.fill("#name", "You");
  await until(page, "the bots", () => Number(document.querySelector(".match-players b")?.textContent) >= 10);
  await page.locator(".match button").first().click();
  await until(page, "the round", () => window.tickstone?.match.phase === "playing" && window.tickstone.match.state.own);
  await page.evaluate(fightBack);
  await until(page, "a fight", () => {
    const frame = window.tickstone.match.frame(performance.now());
    const { camera } = window.tickstone.painter;
    const seen = frame.others.filter(({ x, y, health }) => health > 0 && camera.sees(x / 256, y / 256, -2));
    const flying = [...window.tickstone.match.shots.shots.values()].filter(({ x, y }) => camera.sees(x / 256, y / 256, -2));
    const { own } = window.tickstone.match.state;
    const calm = Number(document.querySelector("#hurt").style.opacity) < 0.06;
    return calm && own.health > 25 && own.kills > 0 && seen.length >= 2 && flying.length >= 4;
  });
  await page.screenshot({ path: file });
} finally {
  await browser.close();
  bots.kill();
}

// Walks to the nearest one and shoots: with the keys and the mouse, as a player.
function fightBack() {
  const { match, controls, painter } = window.tickstone;
  const nearest = (own) => match.state.players
    .filter((other) => other.seat !== own.seat && other.health > 0)
    .map((other) => ahead(own, other))
    .sort((one, other) => one.far - other.far)[0];
  // Where they will be when a shot gets there.
  const ahead = (own, other) => {
    const ticks = 8 + Math.hypot(other.x - own.x, other.y - own.y) / 96;
    const [x, y] = [other.x + other.vx * ticks - own.x, other.y + other.vy * ticks - own.y];
    return { x, y, far: Math.hypot(x, y) };
  };
  controls.moved = true;
  setInterval(() => {
    const { own } = match.state;
    const target = nearest(own);
    if (!target) return;
    const reach = (Math.min(target.far / 256, 6) * painter.camera.scale) / target.far;
    controls.mouse = [controls.origin[0] + target.x * reach, controls.origin[1] + target.y * reach];
    controls.keys.clear();
    if (target.far > 5 * 256) {
      if (Math.abs(target.x) > 60) controls.keys.add(target.x > 0 ? "KeyD" : "KeyA");
      if (Math.abs(target.y) > 60) controls.keys.add(target.y > 0 ? "KeyS" : "KeyW");
    }
    controls.pressed = target.far < 13 * 256;
  }, 50);
}
