// A map in the form that walking and drawing want it: which tiles are solid, and where bodies stop.

import { RADIUS, UNIT } from "./geometry.js";

export class Terrain {
  /** `map` as the server serves it; walls are rectangles of solid tiles: x, y, width, height. */
  constructor(map) {
    this.name = map.name;
    this.width = map.width;
    this.height = map.height;
    this.walls = map.walls ?? [];
    this.solid = new Uint8Array(map.width * map.height);
    for (const [x, y, width, height] of this.walls) {
      for (let row = y; row < Math.min(y + height, map.height); row++) {
        this.solid.fill(1, row * map.width + x, row * map.width + Math.min(x + width, map.width));
      }
    }
  }

  /** Is a tile a wall? Everything outside the map is. */
  isSolid(column, row) {
    if (column < 0 || row < 0 || column >= this.width || row >= this.height) return true;
    return this.solid[row * this.width + column] === 1;
  }

  /** Is a point in a wall? */
  blocks(x, y) {
    return this.isSolid(Math.floor(x / UNIT), Math.floor(y / UNIT));
  }

  /** Would a body that stands there be in a wall? */
  blocksBody(x, y) {
    const right = Math.floor((x + RADIUS - 1) / UNIT);
    const bottom = Math.floor((y + RADIUS - 1) / UNIT);
    for (let row = Math.floor((y - RADIUS) / UNIT); row <= bottom; row++) {
      for (let column = Math.floor((x - RADIUS) / UNIT); column <= right; column++) {
        if (this.isSolid(column, row)) return true;
      }
    }
    return false;
  }

  /** Moves a body first along x, then along y, each until it touches a wall. */
  slide(x, y, byX, byY) {
    const freeX = !this.blocksBody(x + byX, y);
    const endX = freeX ? x + byX : touching(x, byX);
    const freeY = !this.blocksBody(endX, y + byY);
    const endY = freeY ? y + byY : touching(y, byY);
    return { x: endX, y: endY, freeX, freeY };
  }
}

function touching(from, by) {
  if (by > 0) return (Math.floor((from + RADIUS - 1) / UNIT) + 1) * UNIT - RADIUS;
  return Math.floor((from - RADIUS) / UNIT) * UNIT + RADIUS;
}
