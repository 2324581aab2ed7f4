// The golden vectors: what the server writes, as the page reads it, and the other way round.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { applyDifference } from "../../../assets/web/net/delta.js";
import { BODIES_MAX, History } from "../../../assets/web/net/history.js";
import { decode, encode } from "../../../assets/web/net/msgpack.js";
import { Schema } from "../../../assets/web/net/schema.js";
import { hello, input, leave, ping, read } from "../../../assets/web/net/wire.js";

const kept = (name) => JSON.parse(readFileSync(new URL(`../../golden/${name}`, import.meta.url), "utf8"));
const bytes = (text) => Uint8Array.from(Buffer.from(text, "hex"));
const hex = (array) => Buffer.from(array).toString("hex");
const plain = (value) => JSON.parse(JSON.stringify(value));

const packed = kept("messages.json").filter((vector) => vector.msgpack !== undefined);
const named = (name) => packed.find((vector) => vector.name === name);

test("every message of the server says what it says in JSON", () => {
  const vectors = packed.filter((vector) => vector.from === "server");
  assert.ok(vectors.length > 10);
  for (const { name, msgpack, value } of vectors) {
    const message = read(bytes(msgpack));
    if (message.body) message.body = Buffer.from(message.body).toString("base64");
    for (const field of ["base", "hash"]) if (message[field] === null) delete message[field];
    assert.deepEqual(plain(message), value, name);
  }
});

test("every message of a client is read back, and the page's own are those", () => {
  for (const { name, msgpack, value } of packed.filter((vector) => vector.from === "client")) {
    const message = decode(bytes(msgpack));
    if (!Array.isArray(message)) assert.deepEqual(plain(message), value, name);
  }
  assert.equal(hex(ping(0xffffffff)), named("ping").msgpack);
  assert.equal(hex(leave()), named("leave").msgpack);
  const { epoch, tick, seq, ack, rows } = named("input").value;
  assert.equal(hex(input({ epoch, tick, seq, ack, rows: bytes(rows) })), named("input").msgpack);
  const { schema_hash, ...join } = named("hello that joins").value;
  assert.deepEqual(plain(decode(hello({ matchId: join.match_id, player: join.player }))), join);
  assert.deepEqual(plain(decode(encode(join))), join);
});

test("every sequence of differences", () => {
  for (const { name, schema, states } of kept("differences.json").sequences) {
    const history = new History(new Schema(schema));
    for (const { tick, base, bits, body } of states) {
      assert.equal(hex(history.take({ tick, base, body: bytes(bits) })), body, `${name}, tick ${tick}`);
    }
    assert.ok(states.length < BODIES_MAX || history.bodies.size === BODIES_MAX);
  }
});

test("a difference that is cut anywhere, or goes on, throws", () => {
  for (const { schema, states } of kept("differences.json").sequences) {
    const layout = new Schema(schema);
    const [first, { bits }] = states;
    const whole = bytes(bits);
    assert.throws(() => applyDifference(layout, bytes(first.body), Uint8Array.from([...whole, 0])));
    for (let end = 0; end < whole.length; end++) {
      assert.throws(() => applyDifference(layout, bytes(first.body), whole.subarray(0, end)), `${end} bytes`);
    }
  }
});

test("what is no difference throws", () => {
  const { schema, base, differences } = kept("differences.json").refused;
  const layout = new Schema(schema);
  for (const { name, bits } of differences) {
    assert.throws(() => applyDifference(layout, bytes(base), bytes(bits)), Error, name);
  }
});

test("a state whose base is not there throws, and is not kept", () => {
  const [{ schema, states }] = kept("differences.json").sequences;
  const history = new History(new Schema(schema));
  const [first, { tick, base, bits }] = states;
  assert.throws(() => history.take({ tick, base, body: bytes(bits) }), /not there/);
  history.take({ tick: first.tick, base: null, body: bytes(first.body) });
  history.take({ tick, base, body: bytes(bits) });
  for (let later = 10; later < 10 + BODIES_MAX; later++) {
    history.take({ tick: later, base: null, body: bytes(first.body) });
  }
  assert.throws(() => history.take({ tick: 100, base: tick, body: bytes(bits) }), /not there/);
});
