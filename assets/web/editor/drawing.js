// A map as it is drawn, tile by tile, and what the arena makes of it. Nothing here knows a canvas or a socket.

export const TILES = ["wall", "spawn", "pickup"];
export const SIZES = [16, 24, 32, 48];
export const SIZE_DEFAULT = 24;
/** Entries of the document beside the tiles: how wide and high the map is, and the match that plays on it. */
export const SIZE = "size";
export const MATCH = "match";

export function keyOf(x, y) {
  return `${x},${y}`;
}

export class Drawing {
  constructor() {
    this.entries = new Map();
  }

  /** All entries, instead of those there were. */
  replace(entries) {
    this.entries = new Map(Object.entries(entries));
  }

  /** Some entries; null removes one. */
  change(changes) {
    for (const [key, value] of Object.entries(changes)) {
      if (value === null) this.entries.delete(key);
      else this.entries.set(key, value);
    }
  }

  get size() {
    const size = this.entries.get(SIZE);
    return SIZES.includes(size) ? size : SIZE_DEFAULT;
  }

  /** The match that was begun last, or null. */
  get match() {
    const match = this.entries.get(MATCH);
    return typeof match === "string" ? match : null;
  }

  /** What is on a tile, or null. */
  at(x, y) {
    const tile = this.entries.get(keyOf(x, y));
    return TILES.includes(tile) ? tile : null;
  }

  /** Tiles of a kind, row by row. */
  all(kind) {
    const found = [];
    for (let y = 0; y < this.size; y++) {
      for (let x = 0; x < this.size; x++) if (this.at(x, y) === kind) found.push([x, y]);
    }
    return found;
  }

  /** The map as the arena reads it. */
  toMap(name) {
    const { size } = this;
    return { name, width: size, height: size, walls: this.walls(), spawns: this.all("spawn"), pickups: this.all("pickup") };
  }

  /** Walls as few rectangles: runs of a row, and equal runs below each other. */
  walls() {
    const walls = [];
    let above = new Map();
    for (let y = 0; y < this.size; y++) {
      const row = new Map();
      for (const [x, width] of this.runs(y)) {
        const key = keyOf(x, width);
        const wall = above.get(key) ?? [x, y, width, 0];
        if (wall[3] === 0) walls.push(wall);
        wall[3] += 1;
        row.set(key, wall);
      }
      above = row;
    }
    return walls;
  }

  runs(y) {
    const runs = [];
    for (let x = 0; x < this.size; x++) {
      if (this.at(x, y) !== "wall") continue;
      const last = runs.at(-1);
      if (last && last[0] + last[1] === x) last[1] += 1;
      else runs.push([x, 1]);
    }
    return runs;
  }
}

/** The tiles between two, so that a fast stroke has no gaps. */
export function line([fromX, fromY], [toX, toY]) {
  const steps = Math.max(Math.abs(toX - fromX), Math.abs(toY - fromY));
  return Array.from({ length: steps + 1 }, (_, step) => {
    const part = steps === 0 ? 0 : step / steps;
    return [Math.round(fromX + (toX - fromX) * part), Math.round(fromY + (toY - fromY) * part)];
  });
}
