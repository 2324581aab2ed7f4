// What flashes and is gone: sparks, rings, muzzle fire, numbers. Places are in units.
//
// Invariant: at most so many at once; the oldest goes first. With little motion wanted, nothing flies.

import { glowOf } from "./palette.js";

const EFFECTS_MAX = 320;

export class Effects {
  constructor(still) {
    this.still = still;
    this.list = [];
    this.shakeMs = 0;
    this.shakeBy = 0;
  }

  add(effect) {
    this.list.push({ age: 0, ...effect });
    if (this.list.length > EFFECTS_MAX) this.list.shift();
  }

  /** Sparks from a place; `dirX`, `dirY` say where most of them fly, (0, 0) everywhere. */
  sparks(x, y, colour, count, speed, dirX = 0, dirY = 0) {
    if (this.still) return;
    for (let n = 0; n < count; n++) {
      const angle = Math.random() * 2 * Math.PI;
      const by = speed * (0.3 + Math.random());
      const [vx, vy] = [Math.cos(angle) * by + dirX * speed, Math.sin(angle) * by + dirY * speed];
      this.add({ kind: "spark", x, y, vx, vy, colour, life: 160 + Math.random() * 260 });
    }
  }

  ring(x, y, colour, from, to, life) {
    this.add({ kind: "ring", x, y, colour, from: this.still ? to : from, to, life });
  }

  glow(x, y, colour, size, life) {
    this.add({ kind: "glow", x, y, colour, size, life });
  }

  words(x, y, text, colour) {
    this.add({ kind: "words", x, y, text, colour, vy: this.still ? 0 : -1.1, life: 700 });
  }

  shake(pixels) {
    if (this.still) return;
    this.shakeBy = Math.max(this.shakeBy, pixels);
  }

  /** How far the screen is shaken now, in pixels. */
  offset(passedMs) {
    this.shakeBy *= Math.exp(-passedMs / 90);
    if (this.shakeBy < 0.3) return [0, 0];
    return [(Math.random() - 0.5) * 2 * this.shakeBy, (Math.random() - 0.5) * 2 * this.shakeBy];
  }

  /** Draws all and lets time pass. Words come with `text(effect, alpha)`: they are drawn in pixels. */
  draw(ctx, passedMs, text) {
    ctx.globalCompositeOperation = "lighter";
    for (const effect of this.list) {
      effect.age += passedMs;
      const left = 1 - effect.age / effect.life;
      if (left <= 0) continue;
      move(effect, passedMs / 1000);
      if (effect.kind !== "words") paint(ctx, effect, left);
    }
    ctx.globalAlpha = 1;
    ctx.globalCompositeOperation = "source-over";
    for (const effect of this.list) {
      if (effect.kind === "words" && effect.age < effect.life) text(effect, 1 - effect.age / effect.life);
    }
    this.list = this.list.filter((effect) => effect.age < effect.life);
  }
}

function move(effect, seconds) {
  effect.x += (effect.vx ?? 0) * seconds;
  effect.y += (effect.vy ?? 0) * seconds;
  if (effect.kind !== "spark") return;
  const drag = Math.exp(-3.5 * seconds);
  effect.vx *= drag;
  effect.vy *= drag;
}

function paint(ctx, effect, left) {
  const { x, y, colour } = effect;
  ctx.globalAlpha = Math.min(1, left * 1.4);
  if (effect.kind === "glow") {
    const size = effect.size * (0.6 + 0.4 * left);
    ctx.drawImage(glowOf(colour), x - size, y - size, 2 * size, 2 * size);
    return;
  }
  ctx.strokeStyle = colour;
  ctx.lineCap = "round";
  ctx.beginPath();
  if (effect.kind === "ring") {
    ctx.lineWidth = 0.02 + 0.09 * left;
    ctx.arc(x, y, effect.to + (effect.from - effect.to) * left * left, 0, 2 * Math.PI);
  } else {
    ctx.lineWidth = 0.03 + 0.05 * left;
    ctx.moveTo(x, y);
    ctx.lineTo(x - effect.vx * 0.035, y - effect.vy * 0.035);
  }
  ctx.stroke();
}
