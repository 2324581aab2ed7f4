// The board: a drawing on a canvas, and what a mouse, a thumb or the keys do to it.

import * as palette from "../view/palette.js";
import { line } from "./drawing.js";

const COLOURS = { spawn: palette.OWN, pickup: palette.HEAL };
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Board {
  /** `paint(x, y)` is called for each tile that is drawn on. */
  constructor(canvas, paint) {
    this.canvas = canvas;
    this.paint = paint;
    this.cursor = [0, 0];
    this.last = null;
    this.drawing = null;
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { this.last = null; });
    canvas.addEventListener("keydown", (event) => this.key(event));
    for (const event of ["focus", "blur"]) canvas.addEventListener(event, () => this.draw());
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  show(drawing) {
    this.drawing = drawing;
    this.draw();
  }

  tileAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const tile = (at, length) => Math.floor((at / length) * this.drawing.size);
    return [tile(event.clientX - box.left, box.width), tile(event.clientY - box.top, box.height)];
  }

  begin(event) {
    if (!this.drawing || event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.last = this.tileAt(event);
    this.stroke(this.last);
  }

  move(event) {
    if (!this.last) return;
    const tile = this.tileAt(event);
    line(this.last, tile).slice(1).forEach((between) => this.stroke(between));
    this.last = tile;
  }

  key(event) {
    const step = STEPS[event.key];
    if (!this.drawing || (!step && event.key !== " ")) return;
    event.preventDefault();
    if (!step) return this.stroke(this.cursor);
    const inside = (at) => Math.min(Math.max(at, 0), this.drawing.size - 1);
    this.cursor = this.cursor.map((at, axis) => inside(at + step[axis]));
    this.draw();
  }

  stroke([x, y]) {
    const { size } = this.drawing;
    if (x >= 0 && y >= 0 && x < size && y < size) this.paint(x, y);
  }

  draw() {
    if (!this.drawing) return;
    const { canvas, drawing: { size } } = this;
    const pixels = Math.max(1, Math.round(canvas.clientWidth * window.devicePixelRatio));
    if (canvas.width !== pixels) canvas.width = canvas.height = pixels;
    const ctx = canvas.getContext("2d");
    const tile = pixels / size;
    ctx.fillStyle = palette.FLOOR;
    ctx.fillRect(0, 0, pixels, pixels);
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) this.drawTile(ctx, x, y, tile);
    }
    if (document.activeElement === canvas) {
      ctx.strokeStyle = palette.OWN;
      ctx.lineWidth = 2;
      ctx.strokeRect(this.cursor[0] * tile + 1, this.cursor[1] * tile + 1, tile - 2, tile - 2);
    }
  }

  drawTile(ctx, x, y, tile) {
    const kind = this.drawing.at(x, y);
    if (kind === null && (x + y) % 2 === 0) return;
    ctx.fillStyle = kind === "wall" ? palette.WALL : palette.FLOOR_LIGHT;
    ctx.fillRect(x * tile, y * tile, tile, tile);
    if (!COLOURS[kind]) return;
    ctx.fillStyle = COLOURS[kind];
    ctx.beginPath();
    if (kind === "spawn") ctx.arc((x + 0.5) * tile, (y + 0.5) * tile, tile * 0.36, 0, 2 * Math.PI);
    else ctx.rect((x + 0.25) * tile, (y + 0.25) * tile, tile * 0.5, tile * 0.5);
    ctx.fill();
  }
}
