// What this browser remembers: the player's name for good, and for each match the way back to its seat for as
// long as the tab lives. A browser that keeps nothing (private windows) just forgets.

const NAME = "tickstone.name";
const SEAT = "tickstone.seat.";
/** Characters of a name (PROTOCOL: hello). */
export const NAME_MAX = 32;

// Controls, and characters that turn or hide text: the server refuses them.
const REFUSED = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** A name as the server takes it; empty if nothing is left of it. */
export function cleanName(text) {
  const clean = text.replace(REFUSED, "").trim();
  return Array.from(clean).slice(0, NAME_MAX).join("").trim();
}

function read(storage, key) {
  try {
    return storage().getItem(key);
  } catch {
    return null;
  }
}

function write(storage, key, value) {
  try {
    if (value === null) storage().removeItem(key);
    else storage().setItem(key, value);
  } catch {
    // Nothing is kept here; the page works without.
  }
}

// Asked for each time: where storage is forbidden, naming it throws.
const lasting = () => window.localStorage;
const ofTab = () => window.sessionStorage;

export function rememberedName() {
  return cleanName(read(lasting, NAME) ?? "");
}

export function rememberName(name) {
  write(lasting, NAME, name);
}

/** A switch of the player's, such as sound: "on", "off", or null if it was never touched. */
export function rememberedChoice(name) {
  return read(lasting, `tickstone.choice.${name}`);
}

export function rememberChoice(name, value) {
  write(lasting, `tickstone.choice.${name}`, value);
}

/** The way back to a match: `{ resume, epoch, player }`, or null. */
export function rememberedSeat(matchId) {
  try {
    const seat = JSON.parse(read(ofTab, SEAT + matchId) ?? "null");
    return typeof seat?.resume === "string" ? seat : null;
  } catch {
    return null;
  }
}

export function rememberSeat(matchId, seat) {
  write(ofTab, SEAT + matchId, seat && JSON.stringify(seat));
}
