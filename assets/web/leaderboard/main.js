// The leaderboard's page, named by the link `/leaderboard?board=NAME`: what is now, looked at again every few seconds,
// or a season that is over.

import { ApiError } from "../net/api.js";
import { rememberedName } from "../net/seats.js";
import { objectName } from "../net/users.js";
import { byId, el, say, show } from "../ui/dom.js";
import { Board, spanText } from "./board.js";
import { append, fill } from "./standings.js";

/** Arena's matches post here unless their creator says otherwise. */
const BOARD_DEFAULT = "arena";
const EVERY_MS = 3_000;

const query = new URLSearchParams(location.search);
const board = new Board(objectName(query.get("board") ?? "") || BOARD_DEFAULT);
const self = rememberedName();
/** The season that is over and shown, or null: the one that is now. */
let past = null;
/** The text of the entries that are shown, and the rank behind them, or null. */
let shown = "";
let next = null;

async function refresh() {
  if (document.hidden || past !== null) return;
  try {
    const now = await board.snapshot();
    if (past === null) showNow(now);
    standing("open", "live");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    standing("waiting", error.message);
  }
}

function standing(phase, words) {
  byId("standing").dataset.phase = phase;
  say(byId("standing-words"), words);
}

function showNow(now) {
  const ends = now?.ends_unix_ms ?? null;
  const left = ends === null ? "" : `, ends in ${spanText(Math.max(0, ends - Date.now()))}`;
  say(byId("season"), now ? `Season ${now.season}${left}` : "");
  const text = JSON.stringify(now);
  // What is the same stays, with the pages behind it that somebody has asked for.
  if (text === shown) return;
  shown = text;
  showEntries(now?.entries ?? [], now?.total ?? 0);
  list();
}

function showEntries(entries, total) {
  fill(byId("entries"), entries, self);
  next = entries.length < total ? entries.length + 1 : null;
  show(byId("more"), next !== null && past === null);
  show(byId("none"), entries.length === 0);
}

async function more() {
  const page = await board.page(next);
  append(byId("entries"), page.entries, self);
  next = page.next;
  show(byId("more"), next !== null);
}

// Seasons that are over; the one that is now stands first.
async function list() {
  const seasons = await board.seasons().catch(() => []);
  const choice = (words, season) => {
    const button = el("button", { type: "button", className: "season" }, words);
    if (past === season) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => choose(season));
    return el("li", {}, button);
  };
  const of = ({ season, ended_unix_ms: ended, total }) =>
    choice(`Season ${season}, until ${new Date(ended).toLocaleDateString()}: ${total}`, season);
  byId("seasons").replaceChildren(...(seasons.length > 0 ? [choice("This season", null), ...seasons.map(of)] : []));
  show(byId("no-seasons"), seasons.length === 0);
}

async function choose(season) {
  past = season;
  shown = "";
  if (season === null) return refresh();
  const { top, total } = await board.season(season);
  say(byId("season"), `Season ${season}, over`);
  standing("ended", "over");
  showEntries(top, total);
  return list();
}

async function find(user) {
  const found = await board.find(user);
  show(byId("found"), found !== null);
  say(byId("found-words"), found ? `Rank ${found.entry.rank} of ${found.total}` : `${user} is not on this board.`);
  if (found) fill(byId("around"), found.around, user);
}

/** Runs what somebody asked for by hand, and says so where the server refuses it. */
function asked(act) {
  return async (event) => {
    event.preventDefault();
    try {
      await act();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      standing("waiting", error.message);
    }
  };
}

byId("more").addEventListener("click", asked(more));
byId("find").addEventListener("submit", asked(() => find(byId("user").value.trim())));
byId("go").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = objectName(byId("name").value);
  if (name) location.search = `?board=${encodeURIComponent(name)}`;
});
document.addEventListener("visibilitychange", refresh);
setInterval(refresh, EVERY_MS);

say(byId("board-name"), board.name);
document.title = `${board.name} - Tickstone Scores`;
byId("user").value = self;
refresh();
