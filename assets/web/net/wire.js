// The messages of the protocol, version 1, in msgpack: what is sent, and what comes.

import { decode, encode } from "./msgpack.js";

export const PROTOCOL = 1;
export const SUBPROTOCOL = "tickstone.v1.msgpack";
/** Inputs in one message at most. */
export const INPUTS_MAX = 10;

/** The first message: joins by a name and perhaps a token, or resumes. */
export function hello({ matchId, player, token, resume, epoch }) {
  const who = resume ? { resume, epoch } : { player, token };
  return encode({ t: "hello", protocol: PROTOCOL, match_id: matchId, state: "delta", ...who });
}

/** Inputs for the ticks from `tick` on, packed. */
export function input({ epoch, tick, seq, ack, rows }) {
  return encode(["input", epoch, tick, seq, ack, rows]);
}

export function ping(nonce) {
  return encode({ t: "ping", nonce });
}

export function leave() {
  return encode({ t: "leave" });
}

/** A message of the server as an object with `t`. A packed state becomes one like the others. */
export function read(bytes) {
  const message = decode(bytes);
  if (!Array.isArray(message)) {
    if (message === null || typeof message.t !== "string") throw new Error("a message without a name");
    return message;
  }
  const [t, epoch, tick, base, hash, body, last_input, lead, starved] = message;
  if (t !== "state" || message.length !== 9 || !(body instanceof Uint8Array)) {
    throw new Error("an array that is no state");
  }
  return { t, epoch, tick, base, hash, body, last_input, lead, starved };
}
