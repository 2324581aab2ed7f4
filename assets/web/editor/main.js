// The page on which maps are drawn, each named by the link `/editor?map=NAME`.

import { ApiError, createMatch } from "../net/api.js";
import { cleanName, rememberedName } from "../net/seats.js";
import { objectName, tokenFor } from "../net/users.js";
import { byId, el, say, show } from "../ui/dom.js";
import { Board } from "./board.js";
import { keyOf, MATCH, SIZE, SIZES } from "./drawing.js";
import { Sheet } from "./sheet.js";

const NAME_DEFAULT = "first-map";
const NAME_MAX = 32;
/** The documents of maps are told from others by this. */
const PREFIX = "map.";
const STRANGER = "somebody";

/** What is drawn on, or null. */
let sheet = null;

const board = new Board(byId("board"), (x, y) => {
  const tool = document.querySelector("#tools input:checked").value;
  sheet.set(keyOf(x, y), tool === "erase" ? null : tool);
});

function open(name) {
  sheet?.close();
  const object = `${PREFIX}${name}`;
  const user = cleanName(rememberedName()) || STRANGER;
  const token = () => tokenFor(user, [`document:${object}`, `document_editor:${object}`]);
  sheet = new Sheet(object, { token, on: { changed, status: stands, problem: tell } });
  say(byId("map-name"), name);
  byId("name").value = name;
  document.title = `${name} - Tickstone Map editor`;
  board.show(sheet.drawing);
  changed();
  sheet.open();
}

function changed() {
  const { drawing, mayEdit } = sheet;
  for (const id of ["tools", "size", "start"]) byId(id).disabled = !mayEdit;
  byId("size").value = drawing.size;
  const [walls, spawns, pickups] = ["wall", "spawn", "pickup"].map((kind) => drawing.all(kind).length);
  say(byId("count"), `${walls} walls, ${spawns} starts, ${pickups} health`);
  show(byId("begun"), drawing.match !== null);
  if (drawing.match !== null) byId("join").href = `/?match=${encodeURIComponent(drawing.match)}`;
  board.draw();
}

function stands({ phase, words, title, retryMs }) {
  byId("standing").dataset.phase = phase;
  const tries = retryMs === undefined ? "" : ` Trying again in ${(retryMs / 1000).toFixed(1)} s.`;
  const said = { open: "connected", connecting: "connecting", waiting: `${words}${tries}`, ended: title };
  say(byId("standing-words"), said[phase]);
  if (phase === "ended") tell(`${title}. ${words}`);
}

function tell(problem) {
  say(byId("problem"), problem);
  show(byId("problem"), problem !== "");
}

/** A match on what is drawn; everybody who draws is shown the way to it. */
async function start() {
  const { drawing, name } = sheet;
  const map = drawing.toMap(name.slice(PREFIX.length));
  byId("start").disabled = true;
  tell("");
  try {
    const { match_id: id } = await createMatch({ game: "arena", options: { drawn: map } });
    sheet.set(MATCH, id);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    tell(error.message);
  }
  byId("start").disabled = false;
}

function begin() {
  byId("size").append(...SIZES.map((size) => el("option", { value: size }, `${size} by ${size}`)));
  const asked = objectName(new URLSearchParams(location.search).get("map") ?? "").slice(0, NAME_MAX);
  open(asked || NAME_DEFAULT);
}

byId("size").addEventListener("change", () => sheet.set(SIZE, Number(byId("size").value)));
byId("start").addEventListener("click", start);
byId("go").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = objectName(byId("name").value).slice(0, NAME_MAX);
  if (!name) return tell("A map's name has letters, digits and . _ : - only.");
  tell("");
  history.pushState(null, "", `/editor?map=${encodeURIComponent(name)}${location.hash}`);
  return open(name);
});
document.addEventListener("visibilitychange", () => !document.hidden && sheet?.socket.hurry());
window.addEventListener("online", () => sheet?.socket.hurry());
window.addEventListener("popstate", () => location.reload());

/** For the browser test: what is drawn on, as it is. */
Object.defineProperty(window, "tickstone", { get: () => sheet });

begin();
