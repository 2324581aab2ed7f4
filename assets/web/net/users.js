// Who somebody is to objects: a user token. A link may bring it behind `#token=`, where no server and no log sees it;
// on a server in dev mode the page asks for one by a name.

import { mintToken } from "./api.js";

/** The token that the link brought, or null. */
export function tokenOfLink() {
  return new URLSearchParams(location.hash.slice(1)).get("token");
}

/** Promises a token that lets somebody do everything that a user may with these objects, `CLASS:NAME` each. */
export function tokenFor(subject, objects) {
  const given = tokenOfLink();
  if (given) return Promise.resolve(given);
  return mintToken(subject, objects.flatMap((object) => [`${object}:connect`, `${object}:call`]));
}

const NAME_CHARS_MAX = 128;

/** A text as the name of an object; empty if nothing is left of it. */
export function objectName(text) {
  const name = text.trim().replace(/\s+/g, "-").replace(/[^A-Za-z0-9._:-]/g, "").slice(0, NAME_CHARS_MAX);
  // In an address these are steps.
  return [".", ".."].includes(name) ? "" : name;
}
