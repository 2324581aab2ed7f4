// Who leads: a short table while one plays, the whole one when it is asked for or the round is over.

import { colourOf } from "../view/palette.js";
import { el } from "./dom.js";

const SHORT_ROWS = 5;
const FULL_ROWS_MIN = 4;
/** The height of a row, and of what stands around them, in pixels. */
const ROW_PIXELS = 25;
const HEAD_PIXELS = 85;

/** Players by kills, then by fewer deaths, then by seat: the same order in every window. */
export function ranked(players) {
  return [...players].sort((one, other) =>
    other.kills - one.kills || one.deaths - other.deaths || one.seat - other.seat);
}

export class ScoreTable {
  constructor(body, rows) {
    this.body = body;
    this.rows = rows;
    this.shown = "";
  }

  static short(body) {
    return new ScoreTable(body, SHORT_ROWS);
  }

  static full(body) {
    return new ScoreTable(body, FULL_ROWS_MIN);
  }

  /** Shows as many rows as there is height for. */
  fit(pixels) {
    this.rows = Math.max(FULL_ROWS_MIN, Math.floor((pixels - HEAD_PIXELS) / ROW_PIXELS));
  }

  /** Fills the table if anything in it has changed. */
  update(match) {
    const rows = this.choose(ranked(match.state.players), match.seat).map(({ place, player }) => ({
      place, name: match.nameOf(player.seat), seat: player.seat,
      kills: player.kills, deaths: player.deaths, away: !player.connected,
    }));
    const text = JSON.stringify(rows) + match.seat;
    if (text === this.shown) return;
    this.shown = text;
    this.body.replaceChildren(...rows.map((row) => rowOf(row, match.seat)));
  }

  // The first ones, and our own wherever it is.
  choose(players, mySeat) {
    const places = players.map((player, index) => ({ place: index + 1, player }));
    const first = places.slice(0, this.rows);
    if (first.length === 0 || first.some(({ player }) => player.seat === mySeat)) return first;
    const mine = places.find(({ player }) => player.seat === mySeat);
    return mine ? [...first.slice(0, -1), mine] : first;
  }
}

function rowOf({ place, name, seat, kills, deaths, away }, mySeat) {
  const colour = colourOf(seat, mySeat);
  const who = el("span", { className: "who", colour }, name);
  const row = el("tr", {},
    el("td", { className: "place" }, String(place)),
    el("td", { className: "name" }, who, away ? el("span", { className: "away" }, " away") : ""),
    el("td", {}, String(kills)),
    el("td", {}, String(deaths)));
  row.dataset.seat = seat;
  row.classList.toggle("ours", seat === mySeat);
  return row;
}
