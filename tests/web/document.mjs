// Clients of Yjs, as they come from npm, at a document of the server.
//
// `node document.mjs URL READER_TOKEN`. Says `kill` when the server is to be killed, `start` when it is to be
// started again, and goes on when a line comes on stdin. Exit status 0 if everything was as it should be.

import { createInterface } from "node:readline";
import { WebSocket } from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

const [url, readerToken] = process.argv.slice(2);
const base = url.replace(/^http/, "ws");
const stdin = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
/** Anything that should happen at once may take this long on a busy machine. */
const PATIENCE_MS = 60_000;
const KILLS = 3;

/** What the library complains of: a refusal is a warning. */
const warnings = [];
console.warn = (...words) => warnings.push(words.join(" "));

function check(holds, what) {
  if (!holds) throw new Error(what);
}

async function until(what, holds) {
  const end = Date.now() + PATIENCE_MS;
  while (!holds()) {
    check(Date.now() < end, `waited in vain for ${what}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

class Client {
  constructor(room, params = {}) {
    this.doc = new Y.Doc();
    this.text = this.doc.getText("text");
    this.map = this.doc.getMap("map");
    this.provider = new WebsocketProvider(`${base}/v1/objects/document/${room}`, "socket", this.doc, {
      params, WebSocketPolyfill: WebSocket, disableBc: true, maxBackoffTime: 200,
    });
  }

  static async at(room, params) {
    const client = new Client(room, params);
    await until("the first sync", () => client.provider.synced);
    return client;
  }

  get seen() {
    return JSON.stringify([this.text.toString(), this.map.toJSON()]);
  }

  write(word) {
    this.text.insert(Math.floor(Math.random() * (this.text.length + 1)), word);
  }

  append(word) {
    this.text.insert(this.text.length, word);
  }

  leave() {
    this.provider.destroy();
  }
}

const same = (clients) => until("everybody to see the same", () => new Set(clients.map((client) => client.seen)).size === 1);

async function editTogether() {
  const clients = await Promise.all([1, 2, 3, 4].map(() => Client.at("together")));
  for (let n = 0; n < 50; n++) {
    clients.forEach((client, who) => {
      client.write(`${who}`);
      client.map.set(`key ${n % 5}`, who);
    });
    if (n % 10 === 0) await new Promise((done) => setTimeout(done, 5));
  }
  await until("all edits", () => clients.every((client) => client.text.length === 200));
  await same(clients);
  await editOffline(clients);
  await seeEachOther(clients);
  await readOnly(clients);
  clients.forEach((client) => client.leave());
}

async function editOffline([away, ...others]) {
  away.provider.disconnect();
  away.write("written away");
  away.map.set("away", true);
  for (const client of others) client.write("written here");
  others[0].map.delete("key 0");
  await same(others);
  check(!others[0].map.has("away"), "nobody was told");
  away.provider.connect();
  await until("the edits of who was away", () => others.every((client) => client.map.get("away")));
  await same([away, ...others]);
  const length = 200 + "written away".length + 3 * "written here".length;
  check(away.text.length === length, `${away.text.length} characters of ${length}`);
}

async function seeEachOther([ann, bob]) {
  ann.provider.awareness.setLocalStateField("user", { name: "Ann" });
  const annAtBobs = () => bob.provider.awareness.getStates().get(ann.doc.clientID);
  await until("Bob to see Ann", () => annAtBobs()?.user?.name === "Ann");
  const cid = await Client.at("together");
  await until("who comes to see Ann", () => cid.provider.awareness.getStates().get(ann.doc.clientID)?.user);
  const gone = cid.doc.clientID;
  await until("Ann to see who came", () => ann.provider.awareness.getStates().has(gone));
  // As a machine that is switched off: no goodbye.
  cid.provider.ws.terminate();
  cid.provider.shouldConnect = false;
  await until("Ann to see that they went", () => !ann.provider.awareness.getStates().has(gone));
  cid.leave();
}

async function readOnly([ann]) {
  const reader = await Client.at("together", { token: readerToken });
  await same([ann, reader]);
  reader.write("graffiti");
  await until("the refusal", () => warnings.some((warning) => warning.includes("may read, and not edit")));
  ann.write("!");
  await until("the reader to read on", () => reader.text.toString().includes("!"));
  check(!ann.text.toString().includes("graffiti"), "nobody else sees what a reader wrote");
  reader.leave();
}

/** Everybody who was there is gone for good: what one had seen of another, the server has. */
async function killAndLookAnew(round) {
  const room = `killed-${round}`;
  const [author, witness] = await Promise.all([Client.at(room), Client.at(room)]);
  let count = 0;
  const writing = setInterval(() => author.append(`<${count++}>`), 1);
  await until("the witness to see something", () => witness.text.length > 200 * (round + 1));
  console.log("kill");
  await until("the end of the server", () => !witness.provider.wsconnected && !author.provider.wsconnected);
  clearInterval(writing);
  const seen = witness.text.toString().match(/<\d+>/g) ?? [];
  author.leave();
  witness.leave();
  console.log("start");
  await stdin.next();
  const anew = await Client.at(room);
  const lost = seen.filter((edit) => !anew.text.toString().includes(edit));
  check(seen.length > 30 && lost.length === 0, `${seen.length} seen, lost: ${lost}`);
  anew.leave();
}

/** Everybody stays, writes on while the server is away, and comes back by themselves: nothing is lost at all. */
async function killAndComeBack() {
  const clients = await Promise.all([1, 2, 3].map(() => Client.at("comes-back")));
  let count = 0;
  const writing = setInterval(() => clients[count % 3].append(`<${count++}>`), 2);
  await until("some edits", () => clients.every((client) => client.text.length > 200));
  console.log("kill");
  await until("the end of the server", () => clients.every((client) => !client.provider.wsconnected));
  const before = count;
  await until("edits while it is away", () => count > before + 20);
  console.log("start");
  await stdin.next();
  await until("everybody to be back", () => clients.every((client) => client.provider.synced));
  clearInterval(writing);
  await same(clients);
  const found = new Set(clients[0].text.toString().match(/<\d+>/g));
  check(found.size === count, `${found.size} of ${count} edits`);
  clients.forEach((client) => client.leave());
}

try {
  await editTogether();
  for (let round = 0; round < KILLS; round++) await killAndLookAnew(round);
  await killAndComeBack();
  console.log("done");
} catch (error) {
  console.error(error.stack);
  process.exitCode = 1;
} finally {
  process.stdin.destroy();
  process.exit();
}
