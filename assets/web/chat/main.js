// The chat's page: a room, named by the link `/chat?room=NAME`, the list of rooms beside it, and who is there.

import { cleanName, rememberedName, rememberName } from "../net/seats.js";
import { objectName, tokenFor, tokenOfLink } from "../net/users.js";
import { countOf, People } from "../presence/people.js";
import { Space } from "../presence/space.js";
import { byId, say, show } from "../ui/dom.js";
import { Compose } from "./compose.js";
import { ChatLog } from "./log.js";
import { Room } from "./room.js";
import { Rooms } from "./rooms.js";

const ROOM_DEFAULT = "lobby";
const TYPISTS_NAMED = 3;

/** Where we are: room, space, and what shows them. Null before the first room. */
let here = null;

const rooms = new Rooms({ list: byId("rooms"), none: byId("no-rooms"), count: byId("rooms-count") }, (name) => go(name));

function askedRoom() {
  return objectName(new URLSearchParams(location.search).get("room") ?? "");
}

function enter(name, user) {
  leave();
  const token = () => tokenFor(user, [`chat:${name}`, `presence:${name}`]);
  const log = new ChatLog(byId("log"));
  const room = new Room(name, { token, on: ofRoom() });
  const people = new People(byId("people"));
  const space = new Space(name, { token, on: { status: () => {}, changed: () => showPeople() } });
  const parts = { form: byId("compose"), text: byId("text"), problem: byId("problem"), left: byId("left"), button: byId("send") };
  const compose = new Compose(parts, room, { typing: (isTyping) => space.typing(isTyping) });
  here = { name, user, room, log, space, people, compose, unread: 0, entered: false };
  show(byId("who"), false);
  show(byId("ended"), false);
  for (const id of ["room-head", "room-body"]) show(byId(id), true);
  say(byId("room-name"), name);
  show(byId("alone"), false);
  show(byId("me-line"), false);
  view("talk");
  rooms.mark(name);
  titled();
  space.status = document.hidden ? "away" : "online";
  room.open();
  space.open();
  byId("text").focus({ preventScroll: true });
}

function leave() {
  if (!here) return;
  here.room.close();
  here.space.close();
  here.compose.stop();
  here = null;
}

// What a room tells; a room that was left tells nothing any more.
function ofRoom() {
  return {
    status: (status) => stands(status),
    welcomed: () => welcomed(),
    message: (message) => {
      here.log.add(message, here.room.user);
      noteUnread(message);
    },
    notice: ({ t, user, members }, isNews) => {
      if (isNews) here.log.note(`${user} ${t === "join" ? "came" : "left"}`);
      showMembers(members);
    },
    deleted: (id) => here.log.remove(id),
    said: () => here.compose.said(),
    refused: (error, text) => here.compose.refused(error, text),
    mute: (untilMs) => here.compose.mute(untilMs),
  };
}

function welcomed() {
  const { room, log } = here;
  here.user = room.user;
  say(byId("me"), room.user);
  show(byId("me-line"), true);
  log.fill(room.history.messages, room.user);
  if (here.entered) log.note("You are back");
  here.entered = true;
  show(byId("older"), room.history.more);
  showMembers(room.members);
  rooms.refresh();
}

function stands({ phase, words, title, retryMs }) {
  byId("standing").dataset.phase = phase;
  const tries = retryMs === undefined ? "" : ` Trying again in ${(retryMs / 1000).toFixed(1)} s.`;
  say(byId("standing-words"), phase === "open" ? "connected" : phase === "connecting" ? "connecting" : `${words}${tries}`);
  const isOver = phase === "ended";
  show(byId("ended"), isOver);
  show(byId("room-body"), !isOver);
  if (!isOver) return;
  here.space.close();
  say(byId("standing-words"), "not connected");
  say(byId("ended-title"), title);
  say(byId("ended-words"), words);
  byId("again").focus({ preventScroll: true });
}

function showMembers(members) {
  say(byId("members"), members === 1 ? "1 member" : `${members} members`);
}

function showPeople() {
  const { space, people } = here;
  people.show(space.users.values(), space.user);
  const count = String(countOf(space.users.values()));
  say(byId("people-count"), count);
  say(byId("people-short"), count);
  const names = space.typists;
  const who = names.length > TYPISTS_NAMED ? `${names.length} people are` : `${names.join(", ")} ${names.length > 1 ? "are" : "is"}`;
  say(byId("typing"), names.length === 0 ? "\u00a0" : `${who} typing`);
}

// Whoever looks elsewhere is told: by the window's title, or at the end of what they read.
function noteUnread(message) {
  const isOurs = message.user === here.room.user;
  if (!isOurs && !here.log.isAtEnd) show(byId("newest"), true);
  if (!isOurs && document.hidden) here.unread += 1;
  titled();
}

function titled() {
  const unread = here?.unread ? `(${here.unread}) ` : "";
  document.title = here ? `${unread}${here.name} - Tickstone Chat` : "Tickstone Chat";
}

function go(name) {
  history.pushState(null, "", `/chat?room=${encodeURIComponent(name)}${location.hash}`);
  begin();
}

// Who has neither a name nor a link that brings one says it first.
function begin() {
  const [room, user] = [askedRoom(), rememberedName()];
  if (room && (user || tokenOfLink())) return enter(room, user);
  return ask(room || ROOM_DEFAULT, user);
}

function ask(room, user) {
  leave();
  for (const id of ["room-head", "room-body", "ended", "me-line"]) show(byId(id), false);
  for (const id of ["who", "alone"]) show(byId(id), true);
  byId("people").replaceChildren();
  rooms.mark(null);
  byId("name").value = user;
  byId("room").value = room;
  view("talk");
  titled();
  byId(user ? "room" : "name").focus({ preventScroll: true });
}

function view(name) {
  byId("columns").dataset.view = name;
  for (const button of document.querySelectorAll(".views button")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === name));
  }
}

byId("who").addEventListener("submit", (event) => {
  event.preventDefault();
  const [user, room] = [cleanName(byId("name").value), objectName(byId("room").value)];
  const problem = !user ? "Tell us your name." : !room ? "A room's name has letters, digits and . _ : - only." : "";
  say(byId("who-problem"), problem);
  show(byId("who-problem"), problem !== "");
  if (problem) return;
  rememberName(user);
  go(room);
});
byId("go").addEventListener("submit", (event) => {
  event.preventDefault();
  const room = objectName(byId("go-room").value);
  if (!room) return;
  byId("go-room").value = "";
  go(room);
});
byId("older").addEventListener("click", async () => {
  const { room, log } = here;
  byId("older").disabled = true;
  const older = await room.older().catch(() => []);
  byId("older").disabled = false;
  if (here?.room !== room) return;
  log.prepend(older, room.user);
  show(byId("older"), room.history.more);
});
byId("newest").addEventListener("click", () => here.log.toEnd());
byId("log").addEventListener("scroll", () => here?.log.isAtEnd && show(byId("newest"), false));
byId("change").addEventListener("click", () => ask(here?.name ?? ROOM_DEFAULT, ""));
byId("again").addEventListener("click", () => begin());
for (const button of document.querySelectorAll(".views button")) {
  button.addEventListener("click", () => view(button.dataset.view));
}
document.addEventListener("visibilitychange", () => {
  if (!here) return;
  here.space.setStatus(document.hidden ? "away" : "online");
  if (document.hidden) return;
  here.unread = 0;
  titled();
  for (const { socket } of [here.room, here.space]) socket.hurry();
});
window.addEventListener("online", () => [here?.room, here?.space].forEach((part) => part?.socket.hurry()));
window.addEventListener("popstate", begin);

/** For the browser test: where we are, as it is. */
Object.defineProperty(window, "tickstone", { get: () => here });

begin();
