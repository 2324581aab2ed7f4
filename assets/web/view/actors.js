// Players, pickups and shots. Places are stored units; what is drawn is in units, on a scaled canvas.

import { RADIUS, UNIT } from "../arena/geometry.js";
import { MUZZLE } from "../arena/shots.js";
import { colourOf, glowOf, HEAL, HURT } from "./palette.js";

const BODY = RADIUS / UNIT;
const TRAIL_UNITS = 1.5;
const FLASH_MS = 130;

/** Health on the floor: a green cross that breathes, or the ring where it will be again. */
export function drawPickup(ctx, pickup, nowMs, still) {
  const [x, y] = [pickup.x / UNIT, pickup.y / UNIT];
  ctx.lineWidth = 0.05;
  ctx.strokeStyle = pickup.active ? `${HEAL}aa` : "rgba(140, 170, 230, 0.22)";
  ctx.beginPath();
  ctx.arc(x, y, 0.36, 0, 2 * Math.PI);
  ctx.stroke();
  if (!pickup.active) return;
  const breath = still ? 0 : Math.sin(nowMs / 350) * 0.12;
  const light = 1.1 + breath;
  ctx.globalAlpha = 0.4;
  ctx.drawImage(glowOf(HEAL), x - light, y - light, 2 * light, 2 * light);
  ctx.globalAlpha = 1;
  ctx.fillStyle = HEAL;
  ctx.fillRect(x - 0.07, y - 0.21, 0.14, 0.42);
  ctx.fillRect(x - 0.21, y - 0.07, 0.42, 0.14);
}

/** A shot: a bright head, and a trail that is no longer than the way it has flown. */
export function drawShot(ctx, x, y, shot, travelled, mySeat) {
  const speed = Math.hypot(shot.vx, shot.vy) || 1;
  const [dirX, dirY] = [shot.vx / speed, shot.vy / speed];
  const flown = travelled / UNIT;
  // The muzzle is outside of the body; the shot is drawn from there on.
  if (travelled < MUZZLE * 0.7) return;
  const [headX, headY] = [x / UNIT, y / UNIT];
  const length = Math.min(TRAIL_UNITS, flown - 0.4);
  const colour = colourOf(shot.owner, mySeat);
  ctx.globalCompositeOperation = "lighter";
  ctx.drawImage(glowOf(colour), headX - 0.45, headY - 0.45, 0.9, 0.9);
  ctx.lineCap = "round";
  for (const [share, width, alpha] of [[1, 0.05, 0.35], [0.55, 0.09, 0.5], [0.2, 0.13, 1]]) {
    ctx.globalAlpha = alpha;
    ctx.strokeStyle = share < 0.3 ? "#ffffff" : colour;
    ctx.lineWidth = width;
    ctx.beginPath();
    ctx.moveTo(headX, headY);
    ctx.lineTo(headX - dirX * length * share, headY - dirY * length * share);
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
  ctx.globalCompositeOperation = "source-over";
}

/** A living player. `hitMs` is how long ago they were hit. */
export function drawPlayer(ctx, player, { colour, isOwn, hitMs, recoil }) {
  const [x, y] = [player.x / UNIT, player.y / UNIT];
  const flash = hitMs < FLASH_MS ? 1 - hitMs / FLASH_MS : 0;
  ctx.globalAlpha = player.connected ? 1 : 0.4;
  ctx.fillStyle = "rgba(0, 0, 0, 0.4)";
  ctx.beginPath();
  ctx.ellipse(x + 0.06, y + 0.14, BODY * 1.05, BODY, 0, 0, 2 * Math.PI);
  ctx.fill();
  drawGun(ctx, x, y, player, colour, recoil);
  ctx.fillStyle = flash > 0.4 ? "#ffffff" : colour;
  ctx.beginPath();
  ctx.arc(x, y, BODY, 0, 2 * Math.PI);
  ctx.fill();
  ctx.fillStyle = "rgba(6, 8, 13, 0.62)";
  ctx.beginPath();
  ctx.arc(x, y, BODY * 0.66, 0, 2 * Math.PI);
  ctx.fill();
  drawHealth(ctx, x, y, player.health, isOwn);
  if (isOwn) drawOwnRing(ctx, x, y);
  ctx.globalAlpha = 1;
}

function drawGun(ctx, x, y, player, colour, recoil) {
  const angle = Math.atan2(player.aim_y, player.aim_x);
  ctx.save();
  ctx.translate(x, y);
  ctx.rotate(angle);
  ctx.fillStyle = "#0a0d14";
  ctx.fillRect(0.15, -0.15, 0.64 - recoil, 0.3);
  ctx.fillStyle = colour;
  ctx.fillRect(0.18, -0.1, 0.57 - recoil, 0.2);
  ctx.restore();
}

// A pie of what is left, in the middle of the body: seen where one looks anyway.
function drawHealth(ctx, x, y, health, isOwn) {
  const share = health / 100;
  ctx.fillStyle = share > 0.5 ? "#eaf2ff" : share > 0.25 ? "#ffd84d" : HURT;
  ctx.globalAlpha *= isOwn ? 1 : 0.9;
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.arc(x, y, BODY * 0.5, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * share);
  ctx.closePath();
  ctx.fill();
}

function drawOwnRing(ctx, x, y) {
  ctx.strokeStyle = "rgba(255, 255, 255, 0.85)";
  ctx.lineWidth = 0.045;
  ctx.beginPath();
  ctx.arc(x, y, BODY + 0.1, 0, 2 * Math.PI);
  ctx.stroke();
}

/** The mark of a shot of ours that has met somebody, in pixels; `left` is what is left of its time. */
export function drawMarker(ctx, x, y, { killed }, left) {
  const [from, to] = killed ? [9, 20] : [7, 14];
  ctx.globalAlpha = left;
  ctx.lineCap = "round";
  for (const [colour, width] of [["rgba(6, 8, 13, 0.8)", 6], [killed ? HURT : "#ffffff", 3]]) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.beginPath();
    for (const [dirX, dirY] of [[1, 1], [1, -1], [-1, 1], [-1, -1]]) {
      ctx.moveTo(x + dirX * from, y + dirY * from);
      ctx.lineTo(x + dirX * to, y + dirY * to);
    }
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

/** A name below a body, in pixels: text is never scaled. */
export function drawName(ctx, text, x, y, colour) {
  ctx.font = "600 12px system-ui, sans-serif";
  ctx.textAlign = "center";
  ctx.lineWidth = 3;
  ctx.lineJoin = "round";
  ctx.strokeStyle = "rgba(6, 8, 13, 0.85)";
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}
