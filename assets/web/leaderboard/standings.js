// Entries of a leaderboard as rows of a table.

import { el } from "../ui/dom.js";
import { colourOfName } from "../view/palette.js";

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const number = new Intl.NumberFormat("en");

/** Shows these entries and no others; `self` is marked. */
export function fill(body, entries, self) {
  body.replaceChildren(...entries.map((entry) => rowOf(entry, self)));
}

export function append(body, entries, self) {
  body.append(...entries.map((entry) => rowOf(entry, self)));
}

function rowOf({ rank, user, score, at_unix_ms: at, results }, self) {
  const isOurs = user === self;
  const who = el("span", { className: "who", colour: isOurs ? "var(--own)" : colourOfName(user) }, user);
  const when = new Date(at);
  const row = el("tr", {},
    el("td", { className: "place" }, number.format(rank)),
    el("td", { className: "name", title: user }, who),
    el("td", { className: "score" }, number.format(score)),
    el("td", { className: "results" }, number.format(results)),
    el("td", { className: "when" }, el("time", { dateTime: when.toISOString() }, day.format(when))));
  row.classList.toggle("ours", isOurs);
  row.dataset.rank = rank;
  return row;
}
