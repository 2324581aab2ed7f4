// A leaderboard as anybody may read it (PROTOCOL: leaderboard): the best of now, pages behind them, somebody's place,
// and seasons that are over.

import { ApiError, readObject } from "../net/api.js";

const PAGE = 50;
/** Who is shown on either side of somebody. */
const AROUND = 3;

export class Board {
  constructor(name) {
    this.name = name;
  }

  /** The best of this season, without an event to the board; null: nobody has come to anything yet. */
  async snapshot() {
    try {
      return await readObject("leaderboard", this.name, "snapshot");
    } catch (error) {
      if (error instanceof ApiError && error.code === "no_snapshot") return null;
      throw error;
    }
  }

  /** `{ entries, next }` from a rank on. */
  page(from) {
    return this.read("top", { from, limit: PAGE });
  }

  /** Where somebody stands, and who stands around them; null: nowhere. */
  async find(user) {
    try {
      return await this.read("rank", { user, around: AROUND });
    } catch (error) {
      if (error instanceof ApiError && error.code === "no_such_entry") return null;
      throw error;
    }
  }

  /** The seasons that are over and kept, the newest first. */
  seasons() {
    return this.read("seasons", {});
  }

  season(season) {
    return this.read("season", { season });
  }

  read(what, query) {
    return readObject("leaderboard", this.name, `http/${what}?${new URLSearchParams(query)}`);
  }
}

/** `2 d 4 h`, `5 min`, `40 s`: how long something still is. */
export function spanText(ms) {
  const units = [["d", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1_000]];
  const first = units.findIndex(([, unit]) => ms >= unit);
  if (first === -1) return "0 s";
  const [[name, unit], next] = [units[first], units[first + 1]];
  const rest = next ? Math.floor((ms % unit) / next[1]) : 0;
  return `${Math.floor(ms / unit)} ${name}${rest > 0 ? ` ${rest} ${next[0]}` : ""}`;
}
