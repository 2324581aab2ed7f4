// The page of who is around in a space, named by the link `/presence?space=NAME`: everybody, or some people alone.

import { cleanName, rememberedChoice, rememberChoice, rememberedName, rememberName } from "../net/seats.js";
import { objectName, tokenFor, tokenOfLink } from "../net/users.js";
import { byId, say, show } from "../ui/dom.js";
import { countOf, People } from "./people.js";
import { Space } from "./space.js";

const SPACE_DEFAULT = "lobby";
const FRIENDS_MAX = 1_000;
const FRIENDS = "friends";

/** Where we are, or null. */
let here = null;

function namesIn(text) {
  const names = text.split(",").map(cleanName).filter((name) => name !== "");
  return [...new Set(names)].slice(0, FRIENDS_MAX);
}

function enter(name, user) {
  here?.space.close();
  const token = () => tokenFor(user, [`presence:${name}`]);
  const space = new Space(name, { token, on: { status: (status) => stands(status), changed: () => showPeople() } });
  here = { space, people: new People(byId("people")) };
  const friends = namesIn(byId("friends").value);
  if (friends.length > 0) space.watched = friends;
  space.status = wantedStatus();
  byId("around").dataset.here = "true";
  byId("statuses").disabled = false;
  document.title = `${name} - Tickstone Presence`;
  showPeople();
  space.open();
}

// Who says that they are online is away while nobody looks at the page.
function wantedStatus() {
  const wanted = document.querySelector("#statuses input:checked").value;
  return wanted === "online" && document.hidden ? "away" : wanted;
}

function stands({ phase, words, title, retryMs }) {
  byId("standing").dataset.phase = phase;
  const tries = retryMs === undefined ? "" : ` Trying again in ${(retryMs / 1000).toFixed(1)} s.`;
  const said = { open: "connected", connecting: "connecting", waiting: `${words}${tries}`, ended: title };
  say(byId("standing-words"), said[phase]);
  tell(phase === "ended" ? `${title}. ${words}` : "");
}

function tell(problem) {
  say(byId("who-problem"), problem);
  show(byId("who-problem"), problem !== "");
}

function showPeople() {
  const { space, people } = here;
  people.show(space.users.values(), space.user);
  const count = countOf(space.users.values());
  const who = space.watched ? `of ${space.watched.length} watched` : "around";
  say(byId("people-title"), `${count} ${who} in ${space.name}`);
  const others = [...space.users.values()].filter(({ user, status }) => user !== space.user && status !== "offline");
  show(byId("alone"), others.length === 0);
  say(byId("alone"), "Nobody else is here. Open this page in another window, under another name.");
}

function begin() {
  const asked = objectName(new URLSearchParams(location.search).get("space") ?? "");
  const user = rememberedName();
  byId("name").value = user;
  byId("space").value = asked || SPACE_DEFAULT;
  byId("friends").value = rememberedChoice(FRIENDS) ?? "";
  if (asked && (user || tokenOfLink())) enter(asked, user);
  else byId(user ? "space" : "name").focus({ preventScroll: true });
}

byId("who").addEventListener("submit", (event) => {
  event.preventDefault();
  const [user, space] = [cleanName(byId("name").value), objectName(byId("space").value)];
  if (!user || !space) return tell(user ? "A space's name has letters, digits and . _ : - only." : "Tell us your name.");
  rememberName(user);
  history.pushState(null, "", `/presence?space=${encodeURIComponent(space)}${location.hash}`);
  return enter(space, user);
});
byId("friends-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const names = namesIn(byId("friends").value);
  rememberChoice(FRIENDS, names.join(", "));
  here?.space.watch(names.length > 0 ? names : null);
});
byId("statuses").addEventListener("change", () => here?.space.setStatus(wantedStatus()));
document.addEventListener("visibilitychange", () => {
  here?.space.setStatus(wantedStatus());
  if (!document.hidden) here?.space.socket.hurry();
});
window.addEventListener("online", () => here?.space.socket.hurry());
window.addEventListener("popstate", () => location.reload());

/** For the browser test: where we are, as it is. */
Object.defineProperty(window, "tickstone", { get: () => here });

begin();
