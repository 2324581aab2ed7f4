// What stands still: floor, walls and the edge of the map. All in units; the painter has set the scale.

import { FLOOR, FLOOR_LIGHT, FLOOR_LINE, FLOOR_LINE_STRONG, VOID, WALL, WALL_EDGE, WALL_SIDE } from "./palette.js";

/** A wall's south side is seen. */
const SIDE = 0.26;
const EVERY_STRONG = 4;

export class Ground {
  constructor(terrain) {
    this.terrain = terrain;
    this.edges = edgesOf(terrain);
  }

  floor(ctx, camera) {
    const { width, height } = this.terrain;
    ctx.fillStyle = FLOOR;
    ctx.fillRect(0, 0, width, height);
    const right = Math.min(width, camera.left + camera.width / camera.scale);
    const bottom = Math.min(height, camera.top + camera.height / camera.scale);
    const left = Math.max(0, Math.floor(camera.left));
    const top = Math.max(0, Math.floor(camera.top));
    ctx.fillStyle = FLOOR_LIGHT;
    for (let y = top - (top % EVERY_STRONG); y < bottom; y += EVERY_STRONG) {
      for (let x = left - (left % EVERY_STRONG); x < right; x += EVERY_STRONG) {
        if ((x + y) % (2 * EVERY_STRONG) === 0) ctx.fillRect(x, y, Math.min(EVERY_STRONG, width - x), Math.min(EVERY_STRONG, height - y));
      }
    }
    for (const strong of [false, true]) {
      ctx.beginPath();
      for (let x = left; x <= right; x++) {
        if ((x % EVERY_STRONG === 0) === strong) line(ctx, x, top, x, bottom);
      }
      for (let y = top; y <= bottom; y++) {
        if ((y % EVERY_STRONG === 0) === strong) line(ctx, left, y, right, y);
      }
      ctx.strokeStyle = strong ? FLOOR_LINE_STRONG : FLOOR_LINE;
      ctx.lineWidth = 1 / camera.scale;
      ctx.stroke();
    }
  }

  /** The shade of walls on the floor: below everybody. */
  shade(ctx, camera) {
    ctx.fillStyle = "rgba(0, 0, 0, 0.38)";
    ctx.beginPath();
    for (const wall of this.seen(camera)) ctx.rect(wall[0] + 0.14, wall[1] + 0.2, wall[2], wall[3] + 0.18);
    ctx.fill();
  }

  walls(ctx, camera) {
    ctx.fillStyle = WALL;
    // A little larger: where two rectangles meet, no seam shows.
    const seam = 0.5 / camera.scale;
    for (const [x, y, width, height] of this.seen(camera)) {
      ctx.fillRect(x - seam, y - seam, width + 2 * seam, height + 2 * seam);
    }
    const edges = this.edges.filter((edge) => near(camera, edge));
    ctx.fillStyle = WALL_SIDE;
    for (const { south, x1, y1, x2 } of edges) if (south) ctx.fillRect(x1, y1 - SIDE, x2 - x1, SIDE);
    ctx.beginPath();
    for (const { south, x1, y1, x2, y2 } of edges) {
      if (south) line(ctx, x1, y1 - SIDE, x2, y1 - SIDE);
      else line(ctx, x1, y1, x2, y2);
    }
    ctx.strokeStyle = WALL_EDGE;
    ctx.lineWidth = 1.5 / camera.scale;
    ctx.stroke();
  }

  /** Nothing is outside; a bright line says where it begins. */
  edge(ctx, camera) {
    const { width, height } = this.terrain;
    const far = 2 * Math.max(camera.width, camera.height) / camera.scale;
    ctx.fillStyle = VOID;
    ctx.fillRect(-far, -far, width + 2 * far, far);
    ctx.fillRect(-far, height, width + 2 * far, far);
    ctx.fillRect(-far, 0, far, height);
    ctx.fillRect(width, 0, far, height);
    ctx.strokeStyle = WALL_EDGE;
    ctx.lineWidth = 3 / camera.scale;
    ctx.strokeRect(0, 0, width, height);
  }

  seen(camera) {
    const [right, bottom] = [camera.left + camera.width / camera.scale, camera.top + camera.height / camera.scale];
    return this.terrain.walls.filter(([x, y, width, height]) =>
      x <= right + 1 && y <= bottom + 1 && x + width >= camera.left - 1 && y + height >= camera.top - 1);
  }
}

function near(camera, { x1, y1, x2, y2 }) {
  const [right, bottom] = [camera.left + camera.width / camera.scale, camera.top + camera.height / camera.scale];
  return x2 >= camera.left - 1 && x1 <= right + 1 && y2 >= camera.top - 1 && y1 <= bottom + 1;
}

function line(ctx, x1, y1, x2, y2) {
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
}

// Where floor and wall meet, in runs as long as they go: walls that touch are one shape.
function edgesOf(terrain) {
  const edges = [];
  const solid = (column, row) => inside(terrain, column, row) && terrain.isSolid(column, row);
  for (let y = 0; y <= terrain.height; y++) {
    runs(terrain.width, (x) => Number(solid(x, y - 1)) - Number(solid(x, y)), (x1, x2, change) =>
      edges.push({ x1, y1: y, x2, y2: y, south: change > 0 }));
  }
  for (let x = 0; x <= terrain.width; x++) {
    runs(terrain.height, (y) => Number(solid(x - 1, y)) - Number(solid(x, y)), (y1, y2) =>
      edges.push({ x1: x, y1, x2: x, y2, south: false }));
  }
  return edges;
}

function inside(terrain, column, row) {
  return column >= 0 && row >= 0 && column < terrain.width && row < terrain.height;
}

// Calls `found(from, to, change)` for every run of places with the same change that is not 0.
function runs(length, changeAt, found) {
  let [start, change] = [0, 0];
  for (let at = 0; at <= length; at++) {
    const here = at < length ? changeAt(at) : 0;
    if (here === change) continue;
    if (change !== 0) found(start, at, change);
    [start, change] = [at, here];
  }
}
