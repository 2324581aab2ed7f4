// Rooms and spaces as the pages know them, with a socket and a server of our own.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { wordsOf, wordsOfMute } from "../../../assets/web/chat/compose.js";
import { ChatHistory, MESSAGES_MAX } from "../../../assets/web/chat/history.js";
import { Room } from "../../../assets/web/chat/room.js";
import { objectName } from "../../../assets/web/net/users.js";
import { Space } from "../../../assets/web/presence/space.js";
import { colourOfName, OTHERS } from "../../../assets/web/view/palette.js";

const RULES = { text_bytes_max: 10, expiry_ms: 60_000 };
/** Sockets that were opened, the newest last. */
let sockets = [];

class FakeSocket {
  constructor(url) {
    this.url = new URL(url);
    this.sent = [];
    sockets.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.closed = true;
  }

  tell(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  end(code, reason = "") {
    this.onclose({ code, reason });
  }
}

const answered = (status, body) => ({ ok: status < 400, status, json: () => Promise.resolve(body) });
const turn = () => new Promise(setImmediate);
const message = (id, user = "bob", text = `m${id}`) => ({ id, user, text, unix_ms: 1_800_000_000_000 });
const welcome = (messages, more = false) => ({ t: "welcome", room: "lobby", user: "ann", members: 2, more, messages });

beforeEach(() => {
  sockets = [];
  globalThis.location = { href: "http://127.0.0.1:8080/chat", protocol: "http:" };
  globalThis.fetch = () => Promise.resolve(answered(200, RULES));
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
});

afterEach(() => mock.timers.reset());

/** A room and what it told, each as `[what, ...]`. */
function roomWith(token = () => Promise.resolve("tu1.a")) {
  const told = [];
  const names = ["status", "welcomed", "message", "notice", "deleted", "said", "refused", "mute"];
  const on = Object.fromEntries(names.map((name) => [name, (...what) => told.push([name, ...what])]));
  const room = new Room("lobby", { token, on, WebSocket: FakeSocket });
  return { room, told, of: (name) => told.filter(([what]) => what === name) };
}

async function opened(parts = roomWith(), messages = [message(1)]) {
  await parts.room.open();
  sockets.at(-1).onopen();
  sockets.at(-1).tell(welcome(messages));
  return { ...parts, socket: sockets.at(-1) };
}

const ids = (history) => history.messages.map(({ id }) => id);

test("a history has each message once, in order, over connections that were lost", () => {
  const history = new ChatHistory();
  history.welcome([message(3), message(4)], true);
  assert.ok(history.add(message(5)) && !history.add(message(5)) && !history.add(message(4)));
  assert.deepEqual(history.prepend([message(1), message(2), message(3)], false).map(({ id }) => id), [1, 2]);
  assert.deepEqual([ids(history), history.more], [[1, 2, 3, 4, 5], false]);
  history.welcome([message(4), message(5), message(6)], true);
  assert.deepEqual([ids(history), history.more], [[1, 2, 3, 4, 5, 6], false], "what is older stays");
  history.welcome([message(9), message(10)], true);
  assert.deepEqual([ids(history), history.more], [[9, 10], true], "7 and 8 are not known: nothing before them is shown");
  history.remove(9);
  assert.deepEqual(ids(history), [10]);
  history.welcome([], false);
  assert.deepEqual([ids(history), history.newestId, history.oldestId], [[], 0, 0]);
});

test("a history keeps the newest thousand", () => {
  const history = new ChatHistory();
  for (let id = 1; id <= MESSAGES_MAX; id++) history.add(message(id));
  assert.equal(history.oldestId, 1);
  history.add(message(MESSAGES_MAX + 1));
  assert.deepEqual([history.messages.length, history.oldestId], [MESSAGES_MAX, 2]);
});

test("one message is on its way at a time, and is said once it is read back", async () => {
  const { room, socket, of } = await opened();
  assert.equal(socket.url.pathname, "/v1/objects/chat/lobby/socket");
  assert.equal(socket.url.searchParams.get("token"), "tu1.a");
  assert.ok(room.say("hi") && !room.say("too soon"));
  assert.deepEqual(socket.sent, [{ t: "say", text: "hi" }]);
  socket.tell({ t: "message", ...message(2, "bob", "hi") });
  assert.equal(of("said").length, 0, "somebody else said the same");
  socket.tell({ t: "message", ...message(3, "ann", "hi") });
  assert.equal(of("said").length, 1);
  room.say("fast");
  const error = { t: "error", code: "too_fast", detail: "wait", retry_after_ms: 400 };
  socket.tell(error);
  assert.deepEqual(of("refused"), [["refused", error, "fast"]], "what was not taken goes back");
  assert.ok(room.say("slow"), "and the next one may go");
});

test("what was on its way when the connection ended was said, or goes back", async () => {
  for (const isSaid of [true, false]) {
    const { room, socket, of } = await opened();
    room.say("hi");
    socket.end(1006);
    assert.ok(!room.say("more"), "nothing waits for a connection");
    mock.timers.tick(5_000);
    await turn();
    sockets.at(-1).onopen();
    sockets.at(-1).tell(welcome([message(1, "ann", "hi"), ...(isSaid ? [message(2, "ann", "hi")] : [])]));
    assert.equal(of("said").length, isSaid ? 1 : 0);
    assert.equal(of("refused").length, isSaid ? 0 : 1);
  }
});

test("after a drain one comes back by the resume token, once, without another token", async () => {
  let asked = 0;
  const { socket } = await opened(roomWith(() => Promise.resolve(`tu1.${asked += 1}`)));
  const last = async (code, reason = "") => {
    sockets.at(-1).end(code, reason);
    mock.timers.tick(5_000);
    await turn();
    return sockets.at(-1).url.searchParams;
  };
  assert.equal((await last(1012, "resume=abc")).get("resume"), "abc");
  assert.ok(socket !== sockets.at(-1) && asked === 1);
  assert.equal((await last(1006)).get("resume"), "abc", "the server was not there yet: it still holds");
  sockets.at(-1).onopen();
  assert.equal((await last(1006)).get("token"), "tu1.2", "used up");
  await last(1012, "resume=def");
  assert.equal((await last(4003)).get("token"), "tu1.3", "nobody waits for it");
});

test("who may not enter is told why, and is not tried again", async () => {
  for (const [status, title] of [[401, "No entry"], [403, "No entry"], [400, "That does not work"]]) {
    globalThis.fetch = () => Promise.resolve(answered(status, { code: "x", detail: "words" }));
    const { room, of } = roomWith();
    await room.open();
    assert.equal(of("status").at(-1)[1].title, title);
    mock.timers.tick(60_000);
    assert.equal(sockets.length, 0);
  }
  globalThis.fetch = () => Promise.resolve(answered(200, RULES));
  for (const code of [4401, 4423, 1001]) {
    const { socket, of } = await opened();
    socket.end(code);
    assert.equal(of("status").at(-1)[1].phase, "ended", code);
  }
});

test("a server that is away is tried fifteen times, and then by hand", async () => {
  const { room, of } = roomWith();
  globalThis.fetch = () => Promise.reject(new Error("nobody there"));
  await room.open();
  for (let tried = 1; tried <= 15; tried++) {
    assert.deepEqual([of("status").at(-1)[1].phase, of("status").at(-1)[1].tries], ["waiting", tried]);
    mock.timers.tick(5_000);
    await turn();
  }
  assert.equal(of("status").at(-1)[1].title, "The server does not answer");
  globalThis.fetch = () => Promise.resolve(answered(200, RULES));
  await room.open();
  assert.equal(sockets.length, 1);
});

test("a room that was closed says nothing more", async () => {
  const { room, socket, told } = await opened();
  room.say("hi");
  room.close();
  const before = told.length;
  socket.tell({ t: "message", ...message(2) });
  socket.end(1006);
  mock.timers.tick(60_000);
  assert.deepEqual([told.length, sockets.length, socket.closed], [before, 1, true]);
});

test("who was known to be there has not come when they join anew", async () => {
  const { socket, of } = await opened();
  const news = () => of("notice").map(([, { t, user }, isNews]) => [t, user, isNews]).at(-1);
  socket.tell({ t: "join", user: "bob", members: 2 });
  assert.deepEqual(news(), ["join", "bob", true]);
  socket.tell({ t: "join", user: "bob", members: 2 });
  assert.deepEqual(news(), ["join", "bob", false]);
  socket.tell({ t: "message", ...message(2, "cid") });
  socket.tell({ t: "join", user: "cid", members: 3 });
  assert.deepEqual(news(), ["join", "cid", false], "they spoke");
  socket.tell({ t: "leave", user: "bob", members: 1 });
  socket.tell({ t: "join", user: "bob", members: 2 });
  assert.deepEqual(news(), ["join", "bob", true]);
});

test("several who come and go at once are told of one by one, we are not", async () => {
  const { room, socket, of } = await opened();
  socket.tell({ t: "members", members: 7, joined: ["ann", "bob", "cid"], left: ["dan"] });
  const told = of("notice").map(([, { t, user }, isNews]) => [t, user, isNews]);
  assert.deepEqual(told, [["join", "bob", true], ["join", "cid", true], ["leave", "dan", true]]);
  assert.equal(room.members, 7);
});

test("a text is measured in bytes", async () => {
  const { room } = await opened();
  assert.equal(room.excess("\u00e4".repeat(5)), 0);
  assert.equal(room.excess("\u00e4".repeat(6)), 2);
});

test("refusals have words", () => {
  assert.match(wordsOf({ code: "too_fast", retry_after_ms: 1250 }), /Wait 1\.[23] s/);
  assert.match(wordsOf({ code: "not_allowed" }), /muted/);
  assert.match(wordsOf({ code: "invalid", detail: "the text is blank" }), /the text is blank/);
  assert.equal(wordsOfMute(Infinity), "A moderator has muted you here.");
  assert.match(wordsOfMute(Date.now() + 60_000), /until/);
});

function spaceWith() {
  const space = new Space("lobby", {
    token: () => Promise.resolve("tu1.a"), on: { status: () => {}, changed: () => {} }, WebSocket: FakeSocket,
  });
  const beats = () => sockets.at(-1).sent.splice(0);
  const open = async () => {
    await space.open();
    sockets.at(-1).onopen();
  };
  return { space, beats, open };
}

const seen = (user, status, typing = false) => ({ user, status, typing });

test("a heartbeat three times in an expiry; none that would bring back who is invisible", async () => {
  const { space, beats, open } = spaceWith();
  await open();
  assert.deepEqual(beats(), [{ t: "beat", status: "online", typing: false }]);
  mock.timers.tick(60_000);
  assert.deepEqual(beats(), [{ t: "beat" }, { t: "beat" }, { t: "beat" }]);
  space.setStatus("offline");
  assert.deepEqual(beats(), [{ t: "beat", status: "offline" }]);
  mock.timers.tick(60_000);
  space.typing(true, 0);
  assert.deepEqual(beats(), []);
  space.setStatus("away");
  assert.deepEqual(beats(), [{ t: "beat", status: "away" }]);
});

test("typing is said at its beginning, now and then, and at its end", async () => {
  const { space, beats, open } = spaceWith();
  await open();
  beats();
  for (const ms of [0, 100, 2_400, 2_500, 2_600]) space.typing(true, ms);
  assert.deepEqual(beats(), [{ t: "beat", typing: true }, { t: "beat", typing: true }]);
  space.typing(false, 2_700);
  space.typing(false, 2_800);
  assert.deepEqual(beats(), [{ t: "beat", typing: false }]);
});

test("who is not in a state any more has gone; the fifty who went last are remembered", async () => {
  const { space, open } = spaceWith();
  await open();
  const tell = (t, users) => sockets.at(-1).tell({ t, user: "ann", users });
  tell("state", [seen("ann", "online"), seen("bob", "away", true)]);
  assert.deepEqual(space.typists, ["bob"]);
  tell("state", [seen("ann", "online")]);
  assert.deepEqual(space.users.get("bob"), seen("bob", "offline"));
  tell("changes", Array.from({ length: 50 }, (_, n) => seen(`u${n}`, "offline")));
  assert.deepEqual([space.users.size, space.users.has("bob")], [51, false]);
  tell("changes", [seen("ann", "online", true)]);
  assert.deepEqual(space.typists, [], "not ourselves");
});

test("who is watched alone is watched again after the connection was lost", async () => {
  const { space, beats, open } = spaceWith();
  await open();
  space.watch(["bob"]);
  assert.deepEqual(beats().at(-1), { t: "watch", users: ["bob"] });
  sockets.at(-1).end(1006);
  mock.timers.tick(5_000);
  await turn();
  sockets.at(-1).onopen();
  assert.deepEqual(beats().at(-1), { t: "watch", users: ["bob"] });
  space.watch(null);
  assert.deepEqual(beats().at(-1), { t: "watch" });
});

test("a text becomes the name of an object, or nothing", () => {
  assert.equal(objectName("  town square "), "town-square");
  assert.equal(objectName("a/b?c#d<e>\u00e4"), "abcde");
  for (const step of [".", "/..", "..?"]) assert.equal(objectName(step), "", "in an address it would be another path");
  assert.equal(objectName("x".repeat(200)).length, 128);
  assert.equal(objectName(" \u2028 "), "");
});

test("names have colours, the same each time, and not all the same one", () => {
  const names = Array.from({ length: 200 }, (_, n) => `guest ${n}`);
  const colours = names.map(colourOfName);
  assert.deepEqual(colours, names.map(colourOfName));
  assert.ok(new Set(colours).size > OTHERS.length * 0.8);
  assert.ok(["", "\ud83d\ude80", "x".repeat(999)].every((name) => OTHERS.includes(colourOfName(name))));
});
