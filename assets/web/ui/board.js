// The leaderboard in the game: the best few, below the match's scores, looked up while the table is open.

import { Board } from "../leaderboard/board.js";
import { byId, el, say, show } from "./dom.js";

const ROWS = 5;
const EVERY_MS = 3_000;

export class MatchBoard {
  constructor(match, colour) {
    this.board = match.board === null ? null : new Board(match.board);
    this.match = match;
    this.colour = colour;
    this.askedMs = -Infinity;
    show(byId("board"), false);
  }

  /** The table is open. A match without a board, or a board without results, shows nothing. */
  async look(nowMs) {
    if (this.board === null || nowMs - this.askedMs < EVERY_MS) return;
    this.askedMs = nowMs;
    const best = await this.board.snapshot().catch(() => null);
    show(byId("board"), best !== null && best.entries.length > 0);
    if (best !== null) this.fill(best);
  }

  fill({ entries, total }) {
    const self = this.match.session.player;
    const shown = entries.slice(0, ROWS);
    const own = entries.find(({ user }) => user === self);
    if (own && !shown.includes(own)) shown.splice(ROWS - 1, 1, own);
    byId("board-scores").replaceChildren(...shown.map((entry) => this.row(entry, self)));
    say(byId("board-words"), `${total.toLocaleString("en")} in all`);
  }

  row({ rank, user, score }, self) {
    const who = el("span", { className: "who", colour: this.colour(user) }, user);
    const row = el("tr", {}, el("td", { className: "place" }, String(rank)), el("td", { className: "name" }, who),
      el("td", {}, score.toLocaleString("en")));
    row.classList.toggle("ours", user === self);
    return row;
  }
}
