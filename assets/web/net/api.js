// The HTTP API as the page uses it. An answer that is no success throws an ApiError with the server's words.

const PATIENCE_MS = 10_000;
/** Matches of one listing at most. */
export const LIST_MAX = 200;

export class ApiError extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS), ...options });
  } catch {
    throw new ApiError(0, "unreachable", "The server does not answer.");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    throw new ApiError(answer.status, body.code ?? "unknown", body.detail ?? `The server answered ${answer.status}.`);
  }
  return body;
}

/** Running matches of the arena. */
export async function listMatches() {
  const query = encodeURIComponent("game:arena state:running");
  return (await ask(`/v1/matches?query=${query}&limit=${LIST_MAX}`)).matches;
}

export function inspectMatch(id) {
  return ask(`/v1/matches/${encodeURIComponent(id)}`);
}

export function createMatch(body) {
  const headers = { "content-type": "application/json" };
  return ask("/v1/matches", { method: "POST", headers, body: JSON.stringify(body) });
}

/** What somebody with this token asks an object: the answer's JSON. */
export function callObject(className, name, method, token, body = null) {
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const path = `/v1/objects/${className}/${encodeURIComponent(name)}/call/${method}`;
  return ask(path, { method: "POST", headers, body: JSON.stringify(body) });
}

/** What an object shows to everybody, below its own address. While nothing has changed, nothing is sent. */
export function readObject(className, name, path) {
  return ask(`/v1/objects/${className}/${encodeURIComponent(name)}/${path}`, { cache: "no-cache" });
}

/** What the objects of a class publish, by name. While nothing has changed, nothing is sent. */
export async function listObjects(className, prefix = "") {
  const query = `prefix=${encodeURIComponent(prefix)}&limit=${LIST_MAX}`;
  return (await ask(`/v1/classes/${className}/listing?${query}`, { cache: "no-cache" })).objects;
}

/** A user token for somebody. Outside dev mode this wants a key, which a page has not: then it is refused. */
export async function mintToken(subject, scopes) {
  const headers = { "content-type": "application/json" };
  return (await ask("/v1/tokens", { method: "POST", headers, body: JSON.stringify({ subject, scopes }) })).token;
}

/** The maps that matches can be made with, by name. */
export async function mapNames() {
  const { assets } = await ask("/assets/");
  return assets.flatMap((path) => /^maps\/([\w-]+)\.json$/.exec(path)?.[1] ?? []);
}

const maps = new Map();

/** A map by its name; each is loaded once. Fails if the server has none of that name. */
export function loadMap(name) {
  if (!maps.has(name)) {
    const loading = ask(`/assets/maps/${encodeURIComponent(name)}.json`);
    loading.catch(() => maps.delete(name));
    maps.set(name, loading);
  }
  return maps.get(name);
}

let names = null;

/** The map of a match: drawn for it, which only the match itself tells, or one that the server has. */
export async function mapOf(entry) {
  const name = entry.label?.map ?? "";
  if ("options" in entry) return entry.options?.drawn ?? loadMap(name);
  names ??= mapNames();
  return (await names).includes(name) ? loadMap(name) : mapOf(await inspectMatch(entry.match_id));
}

// Sockets are on the server that the page came from.
function socketAt(path) {
  const url = new URL(path, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/** Where a match's socket is. */
export function socketUrl(id) {
  return socketAt(`/v1/matches/${encodeURIComponent(id)}/socket`);
}

/** Where an object's socket is; `query` is a token by which one comes, or comes back. */
export function objectSocketUrl(className, name, query) {
  return socketAt(`/v1/objects/${className}/${encodeURIComponent(name)}/socket?${new URLSearchParams(query)}`);
}
