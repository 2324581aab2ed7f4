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

/** Where a match's socket is: on the server the page came from. */
export function socketUrl(id) {
  const url = new URL(`/v1/matches/${encodeURIComponent(id)}/socket`, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}
