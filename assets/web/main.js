// The page: the lobby, a match, and the way between them. A match is named by the link, `/?match=ID` or `/#ID`.

import { Match, prepare } from "./arena/match.js";
import { ApiError } from "./net/api.js";
import { cleanName, rememberedName, rememberedSeat, rememberSeat } from "./net/seats.js";
import { MatchChat } from "./ui/chat.js";
import { Controls } from "./ui/controls.js";
import { byId, say, show } from "./ui/dom.js";
import { Hud } from "./ui/hud.js";
import { Lobby, titleOf } from "./ui/lobby.js";
import { Menu } from "./ui/menu.js";
import { Sounds } from "./ui/sound.js";
import { Painter } from "./view/painter.js";
import { colourOf, colourOfName } from "./view/palette.js";

const sounds = new Sounds();
const menu = new Menu(() => toArena());
const still = window.matchMedia("(prefers-reduced-motion: reduce)");
let played = null;

/** What may help after an end; all of it is a reload. */
const AGAIN = { 1006: "Try again", 4409: "Play here", 4400: "Reload", 4426: "Reload", 4429: "Reload" };

/** What the address asks for: a match, and perhaps a token to join it with. */
function asked() {
  const query = new URLSearchParams(location.search);
  const id = query.get("match") ?? decodeURIComponent(location.hash.slice(1));
  return { matchId: id || null, token: query.get("token") ?? undefined };
}

function linkTo(matchId) {
  return `${location.origin}/?match=${encodeURIComponent(matchId)}`;
}

const lobby = new Lobby(async (matchId, player) => {
  const { matchId: linked, token } = asked();
  await enter(matchId, player, linked === matchId ? token : undefined);
  history.pushState(null, "", linkTo(matchId));
});

// The same name in two windows would be one player (PROTOCOL: hello): the second one gets a number.
function freeName(wanted, entry) {
  const taken = new Set((entry.roster ?? []).filter((seat) => seat.connected).map((seat) => seat.player));
  for (let number = 2; taken.has(wanted) && number < 1000; number++) {
    const name = cleanName(`${Array.from(wanted.replace(/ \d+$/, "")).slice(0, 28).join("")} ${number}`);
    if (!taken.has(name)) return name;
  }
  return wanted;
}

async function enter(matchId, player, token) {
  const { entry, map } = await prepare(matchId);
  if (entry.state !== "running") throw new ApiError(410, "ended", "That match is over.");
  const seat = rememberedSeat(matchId);
  play({ entry, map, token, seat, player: freeName(player, seat ? {} : entry) });
}

function play({ entry, map, token, seat, player }) {
  stop({ leave: false });
  const controls = new Controls(byId("arena"));
  const on = {
    status: (status) => status.phase === "ended" ? over(status) : played.hud.takeStatus(status),
    welcomed: (welcome) => played.chat.welcomed(welcome),
    event: (name, data) => played.hud.event(name, data),
    hurt: (amount) => {
      played.hud.hurt(amount);
      played.painter.hurt(amount);
    },
    fired: (body, aim) => played.painter.fired(body, aim),
  };
  const match = new Match({ entry, map, player, token, seat, controls, on });
  const painter = new Painter(byId("arena"), match, controls, { still: still.matches, sounds });
  const hud = new Hud(match, painter.camera, sounds, colourIn(match));
  const chat = new MatchChat(match, controls, colourIn(match), toArena);
  played = { entry, match, controls, painter, hud, chat, frames: 0 };
  lobby.close();
  show(byId("end"), false);
  show(byId("game"), true);
  document.title = `${titleOf(entry)} - Tickstone Arena`;
  menu.close();
  toArena();
  match.start();
  requestAnimationFrame(draw);
}

// In the chat players have the colours of their bodies, as long as they are there.
function colourIn(match) {
  return (name) => {
    const seat = match.seatOf(name);
    return seat === null ? colourOfName(name) : colourOf(seat, match.seat);
  };
}

// Otherwise the button that was pressed last takes the space bar.
function toArena() {
  byId("arena").focus({ preventScroll: true });
}

function draw(nowMs) {
  if (!played) return;
  requestAnimationFrame(draw);
  const frame = played.match.frame(nowMs);
  played.painter.draw(frame, nowMs);
  played.hud.draw(frame, nowMs);
  played.frames += 1;
}

function stop(how) {
  if (!played) return;
  played.match.stop(how);
  played.controls.stop();
  played.chat.stop();
  played = null;
  show(byId("game"), false);
  document.title = "Tickstone Arena";
}

// The connection will not come back by itself: says why, and what can be done.
function over({ title, words, code }) {
  const { match, hud, controls } = played;
  controls.enabled = false;
  menu.close();
  played.chat.close();
  hud.takeStatus({ phase: "ended", words });
  // A seat that can still be had is kept: by the other window, by the next try, by the page once it is reloaded.
  if (!AGAIN[code]) rememberSeat(match.id, null);
  say(byId("end-title"), title);
  say(byId("end-words"), [1000, 4410].includes(code) && match.state ? hud.result(0)[0] : words);
  const again = AGAIN[code];
  show(byId("again"), again !== undefined);
  say(byId("again"), again ?? "");
  show(byId("end"), true);
  byId(again ? "again" : "back").focus({ preventScroll: true });
}

function backToLobby(how) {
  stop(how);
  history.pushState(null, "", "/");
  lobby.open(null);
}

async function copyLink() {
  const link = linkTo(played.match.id);
  const button = byId("copy");
  try {
    await navigator.clipboard.writeText(link);
    say(button, "Copied");
  } catch {
    window.prompt("The link to this match:", link);
  }
  setTimeout(() => say(button, "Copy link"), 1500);
}

function toggleTable(wanted) {
  if (!played) return;
  played.hud.tableWanted = wanted ?? !played.hud.tableWanted;
  byId("show-table").setAttribute("aria-pressed", played.hud.tableWanted);
}

function showSound() {
  byId("sound").setAttribute("aria-pressed", sounds.on);
}

// A press on a button of the HUD must not take the keys away from the arena.
function button(id, act) {
  byId(id).addEventListener("click", () => {
    act();
    menu.close();
    if (played && byId("end").hidden) toArena();
  });
}

button("copy", copyLink);
button("show-table", () => toggleTable());
button("sound", () => { sounds.toggle(); sounds.wake(); showSound(); });
button("leave", () => backToLobby({ leave: true }));
button("back", () => backToLobby({ leave: false }));
button("again", () => location.reload());
byId("chat-open").addEventListener("click", () => played?.chat.open());
byId("arena").addEventListener("pointerdown", () => {
  menu.close();
  if (played?.chat.isOpen) played.chat.close();
});

// Tab shows the scores, so Escape is the way to the buttons, and back.
window.addEventListener("keydown", (event) => {
  if (!played || !byId("end").hidden || played.chat.key(event)) return;
  if (event.code === "Escape") {
    menu.toggle();
  } else if (event.code === "Tab" && !menu.isOpen && !played.chat.isOpen) {
    event.preventDefault();
    toggleTable(true);
  }
});
window.addEventListener("keyup", (event) => {
  if (event.code === "Tab" && !menu.isOpen) toggleTable(false);
});
for (const name of ["pointerdown", "keydown"]) window.addEventListener(name, () => sounds.wake());
window.addEventListener("online", () => played?.match.connection.hurry());
document.addEventListener("visibilitychange", () => !document.hidden && played?.match.connection.hurry());
window.addEventListener("popstate", () => { stop({ leave: true }); begin(); });

// A reload goes straight back to its seat; everybody else says their name first.
async function begin() {
  const { matchId, token } = asked();
  if (matchId && rememberedSeat(matchId)) {
    try {
      await enter(matchId, rememberedSeat(matchId).player ?? rememberedName(), token);
      return;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }
  lobby.open(matchId);
}

/** For the browser test: what is played, as it is. */
Object.defineProperty(window, "tickstone", { get: () => played });

showSound();
begin();
