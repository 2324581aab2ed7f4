// The page before a match: who plays now, a match of one's own, and a name.

import { Terrain } from "../arena/terrain.js";
import { ApiError, createMatch, inspectMatch, LIST_MAX, listMatches, loadMap, mapNames, mapOf } from "../net/api.js";
import { cleanName, rememberedName, rememberName } from "../net/seats.js";
import { Minimap } from "../view/minimap.js";
import { byId, el, say, show } from "./dom.js";

const LIST_EVERY_MS = 2000;
const PRESETS = [
  { name: "duel", title: "Duel", map: "yard", words: "2 players" },
  { name: "skirmish", title: "Skirmish", map: "dust", words: "up to 16" },
  { name: "crowd", title: "Crowd", map: "plains", words: "up to 1,000" },
];
const PHASE_WORDS = { lobby: "waiting", countdown: "about to begin", playing: "playing", finished: "between rounds" };

/** An id longer than this is a random one: nobody reads it. */
const ID_SHOWN_MAX = 24;

/** What a match is called: by its creator, by an id that somebody chose, else by its map and its id's end. */
export function titleOf(entry) {
  const given = typeof entry.label?.name === "string" ? cleanName(entry.label.name) : "";
  if (given || entry.match_id.length <= ID_SHOWN_MAX) return given || entry.match_id;
  return `${capital(String(entry.label?.map ?? entry.game))} ${entry.match_id.slice(-4)}`;
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

async function sketch(canvas, load) {
  try {
    Minimap.sketch(canvas, new Terrain(await load()), Math.max(2, window.devicePixelRatio));
  } catch {
    // A map that is not there is drawn as nothing; joining says why.
  }
}

export class Lobby {
  /** `join(matchId, player)` is called with what the player chose. */
  constructor(join) {
    this.join = join;
    this.rows = new Map();
    this.invited = null;
    this.name = byId("name");
    this.name.value = rememberedName();
    byId("play").addEventListener("submit", (event) => this.submit(event, () => this.play()));
    byId("create").addEventListener("submit", (event) => this.submit(event, () => this.create()));
    this.fillMaps();
    setInterval(() => this.refresh(), LIST_EVERY_MS);
  }

  /** Shows the page; `matchId` is a match that a link led to, or null. */
  open(matchId, notice = "") {
    show(byId("lobby"), true);
    this.invited = matchId;
    this.invite(null);
    this.tell(notice);
    this.refresh();
    if (matchId) this.loadInvite(matchId);
    if (!this.name.value) this.name.focus({ preventScroll: true });
  }

  close() {
    show(byId("lobby"), false);
  }

  tell(words) {
    say(byId("notice"), words);
  }

  // Runs what a form is for, once at a time, with a name.
  async submit(event, act) {
    event.preventDefault();
    const player = cleanName(this.name.value);
    if (!player) {
      this.tell("Tell us your name first.");
      this.name.focus();
      return;
    }
    if (this.busy) return;
    this.busy = true;
    rememberName(player);
    this.name.value = player;
    this.tell("");
    try {
      await act();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const closed = error.status === 401 || error.status === 403;
      this.tell(closed ? "On this server only its operator creates matches. Join one, or ask for a link." : error.message);
    } finally {
      this.busy = false;
    }
  }

  get player() {
    return cleanName(this.name.value);
  }

  // Into the match of the link, else the fullest open one, else a new one.
  async play() {
    if (this.invited) return this.join(this.invited, this.player);
    const open = (await listMatches()).filter((entry) => entry.players < entry.seats && entry.seats <= 64);
    open.sort((one, other) => other.connected - one.connected);
    const entry = open[0] ?? await createMatch({ game: "arena", preset: "skirmish", label: this.label("Skirmish") });
    return this.join(entry.match_id, this.player);
  }

  async create() {
    const preset = PRESETS.find(({ name }) => byId("create").elements.preset?.value === name) ?? PRESETS[1];
    const map = byId("map").value;
    const options = { round_seconds: Number(byId("minutes").value), ...(map && { map }) };
    const body = { game: "arena", preset: preset.name, options, label: this.label(preset.title) };
    if (byId("private").checked) body.private = true;
    const entry = await createMatch(body);
    return this.join(entry.match_id, this.player);
  }

  label(kind) {
    return { name: `${this.player}: ${kind}` };
  }

  async fillMaps() {
    const names = await mapNames().catch(() => []);
    const presets = PRESETS.filter(({ map }) => names.includes(map));
    byId("presets").replaceChildren(...presets.map((preset) => this.presetCard(preset)));
    byId("map").replaceChildren(el("option", { value: "" }, "As shown"), ...names.map((name) => el("option", { value: name }, capital(name))));
  }

  presetCard({ name, title, map, words }) {
    const canvas = el("canvas", { className: "sketch" });
    const input = el("input", { type: "radio", name: "preset", value: name, checked: name === "skirmish" });
    const card = el("label", { className: "preset" }, input,
      el("span", { className: "face" }, canvas, el("b", {}, title), el("small", {}, words)));
    requestAnimationFrame(() => sketch(canvas, () => loadMap(map)));
    return card;
  }

  async loadInvite(matchId) {
    try {
      this.invite(await inspectMatch(matchId));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.invited = null;
      this.invite(null);
      this.tell(error.status === 404 ? "The match of this link is not there any more." : error.message);
    }
  }

  invite(entry) {
    show(byId("invite"), entry !== null);
    say(byId("play-button"), entry ? "Join" : "Play now");
    if (!entry) return;
    say(byId("invite-name"), titleOf(entry));
    const ended = entry.state === "ended";
    say(byId("invite-words"), ended ? "This match is over." : `${entry.players} of ${entry.seats} play on ${capital(String(entry.label?.map ?? "?"))}`);
    byId("play-button").disabled = ended;
    sketch(byId("invite-map"), () => mapOf(entry));
  }

  async refresh() {
    if (byId("lobby").hidden || document.hidden) return;
    try {
      this.list(await listMatches());
    } catch {
      say(byId("live-count"), "The server does not answer. Trying again.");
    }
  }

  // Rows stay the same elements while their match lives, and in their places while somebody points at one:
  // nothing jumps away from under a finger.
  list(entries) {
    const shown = [...this.rows.keys()];
    const isPointedAt = byId("matches").matches(":hover, :focus-within");
    const place = ({ match_id }) => isPointedAt && shown.includes(match_id) ? shown.indexOf(match_id) : shown.length;
    const order = [...entries].sort((one, other) => place(one) - place(other)
      || other.connected - one.connected || one.match_id.localeCompare(other.match_id));
    const wanted = order.map((entry) => this.row(entry));
    this.rows = new Map([...order.map(({ match_id }) => [match_id, this.rows.get(match_id)]), ...this.rows]);
    const gone = new Set(this.rows.keys());
    for (const entry of order) gone.delete(entry.match_id);
    for (const id of gone) {
      this.rows.get(id).row.remove();
      this.rows.delete(id);
    }
    const list = byId("matches");
    wanted.forEach((row, index) => {
      if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
    });
    say(byId("live-count"), entries.length >= LIST_MAX ? `${LIST_MAX} or more` : entries.length ? `${entries.length}` : "");
    show(byId("no-matches"), entries.length === 0);
  }

  row(entry) {
    const parts = this.rows.get(entry.match_id) ?? this.newRow(entry);
    this.rows.set(entry.match_id, parts);
    say(parts.name, titleOf(entry));
    const phase = entry.label?.phase ?? "";
    parts.words.dataset.phase = phase;
    say(parts.words, `${capital(String(entry.label?.map ?? ""))}, ${PHASE_WORDS[phase] ?? phase}`);
    say(parts.here, String(entry.connected));
    say(parts.seats, ` / ${entry.seats.toLocaleString("en")}`);
    const full = entry.players >= entry.seats;
    parts.join.disabled = full;
    say(parts.join, full ? "Full" : "Join");
    return parts.row;
  }

  newRow(entry) {
    const canvas = el("canvas", { className: "sketch" });
    const name = el("div", { className: "match-name" });
    const words = el("div", { className: "match-words" });
    const [here, seats] = [el("b"), el("span")];
    const join = el("button", { type: "button" }, "Join");
    join.addEventListener("click", (event) => this.submit(event, () => this.join(entry.match_id, this.player)));
    const row = el("li", { className: "match" }, canvas, el("div", { className: "match-what" }, name, words),
      el("div", { className: "match-players" }, here, seats), join);
    row.dataset.match = entry.match_id;
    requestAnimationFrame(() => sketch(canvas, () => mapOf(entry)));
    return { row, name, words, here, seats, join };
  }
}
