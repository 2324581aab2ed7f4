// The whole map in a corner: walls drawn once, players and health as dots.

import { UNIT } from "../arena/geometry.js";
import { colourOf, HEAL, OWN } from "./palette.js";

export class Minimap {
  constructor(canvas, terrain) {
    this.canvas = canvas;
    this.terrain = terrain;
    this.walls = null;
  }

  /** Draws the map's walls alone, as the lobby shows a map. */
  static sketch(canvas, terrain, ratio = window.devicePixelRatio) {
    const map = new Minimap(canvas, terrain);
    map.fit(ratio);
    map.base(map.canvas.getContext("2d"));
  }

  fit(ratio) {
    const { clientWidth, clientHeight } = this.canvas;
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    if (width === this.canvas.width && height === this.canvas.height && this.walls) return;
    this.canvas.width = width;
    this.canvas.height = height;
    this.scale = Math.min(width / this.terrain.width, height / this.terrain.height);
    this.walls = document.createElement("canvas");
    this.walls.width = width;
    this.walls.height = height;
    this.base(this.walls.getContext("2d"));
  }

  base(ctx) {
    ctx.fillStyle = "rgba(10, 14, 23, 0.82)";
    ctx.fillRect(0, 0, this.terrain.width * this.scale, this.terrain.height * this.scale);
    ctx.fillStyle = "#56709f";
    for (const [x, y, width, height] of this.terrain.walls) {
      ctx.fillRect(x * this.scale, y * this.scale, Math.max(1, width * this.scale), Math.max(1, height * this.scale));
    }
  }

  draw({ own, others, pickups }, camera, mySeat) {
    const ratio = Math.min(window.devicePixelRatio, 2);
    this.fit(ratio);
    if (this.canvas.width === 0) return;
    const ctx = this.canvas.getContext("2d");
    ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    ctx.drawImage(this.walls, 0, 0);
    for (const pickup of pickups) if (pickup.active) this.dot(ctx, pickup, HEAL, 1.3 * ratio);
    for (const other of others) if (other.health > 0) this.dot(ctx, other, colourOf(other.seat, mySeat), 2.2 * ratio);
    if (own) this.dot(ctx, own, OWN, 3 * ratio);
    ctx.strokeStyle = "rgba(234, 242, 255, 0.55)";
    ctx.lineWidth = ratio;
    const [width, height] = [camera.width / camera.scale, camera.height / camera.scale];
    ctx.strokeRect(camera.left * this.scale, camera.top * this.scale, width * this.scale, height * this.scale);
  }

  dot(ctx, { x, y }, colour, radius) {
    ctx.fillStyle = colour;
    ctx.beginPath();
    ctx.arc((x / UNIT) * this.scale, (y / UNIT) * this.scale, radius, 0, 2 * Math.PI);
    ctx.fill();
  }
}
