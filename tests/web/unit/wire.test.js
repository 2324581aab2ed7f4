// The messages, byte by byte as PROTOCOL.md gives them, and rows by a schema that no game has.

import assert from "node:assert/strict";
import { test } from "node:test";

import { decode } from "../../../assets/web/net/msgpack.js";
import { Schema } from "../../../assets/web/net/schema.js";
import { hello, input, read } from "../../../assets/web/net/wire.js";

const bytes = (text) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
const field = (name, kind) => ({ name, kind, per_unit: 1 });

const PONG = {
  kinds: [
    { name: "paddle", fields: [field("seat", "u16"), field("y", "i16"), field("points", "u8")] },
    { name: "ball", fields: [field("x", "i16"), field("y", "i16")] },
  ],
  input: [field("direction", "i8")],
};

test("the state of the protocol's example", () => {
  const body = "01 01 00 01 00 00 00 90 01 2c 01";
  const message = read(bytes(`99 a5 7374617465 01 cd012c c0 c0 c4 0b ${body} 07 cd0300 02`));
  const { t, epoch, tick, hash, last_input, lead, starved } = message;
  assert.deepEqual([t, epoch, tick, hash, last_input, lead, starved], ["state", 1, 300, null, 7, 768, 2]);
  assert.deepEqual(new Schema(PONG).entities(message.body), { paddle: [], ball: [{ id: 1, x: 400, y: 300 }] });
});

test("the input of the protocol's example", () => {
  const rows = new Schema(PONG).inputRows([{ direction: -1 }, { direction: 0 }]);
  const message = input({ epoch: 1, tick: 304, seq: 8, ack: 300, rows });
  assert.deepEqual(message, bytes("96 a5 696e707574 01 cd0130 08 cd012c c402ff00"));
});

test("every kind of field", () => {
  const kinds = { u8: 200, u16: 60000, u32: 4e9, i8: -100, i16: -30000, i32: -2e9, bool: true };
  const fields = Object.keys(kinds).map((kind) => field(`a ${kind}`, kind));
  const schema = new Schema({ kinds: [{ name: "thing", fields }], input: fields });
  const row = Object.fromEntries(Object.entries(kinds).map(([kind, value]) => [`a ${kind}`, value]));
  const packed = schema.inputRows([row]);
  assert.equal(packed.length, 15);
  // An entity's row is its id and the same fields.
  const body = Uint8Array.from([0, 1, 0, 9, 0, 0, 0, ...packed]);
  assert.deepEqual(schema.entities(body), { thing: [{ id: 9, ...row }] });
});

test("a body that is cut anywhere, or goes on, throws", () => {
  const schema = new Schema(PONG);
  const body = bytes("00 01 00 02 00 00 00 01 00 2c 01 05 01 01 00 01 00 00 00 90 01 2c 01");
  assert.equal(schema.entities(body).paddle[0].points, 5);
  const ends = [0, 12, body.length];
  for (let end = 0; end <= body.length; end++) {
    const part = body.subarray(0, end);
    if (ends.includes(end)) schema.entities(part);
    else assert.throws(() => schema.entities(part), `${end} bytes`);
  }
  assert.throws(() => schema.entities(bytes("07 00 00")));
  assert.throws(() => new Schema({ kinds: [], input: [field("a", "f64")] }));
});

test("what has no name is refused", () => {
  assert.throws(() => read(bytes("c0")));
  assert.throws(() => read(bytes("92 a5 7374617465 01")));
});

test("a hello joins by name or resumes by token, never both", () => {
  const join = decode(hello({ matchId: "m", player: "ann", token: undefined }));
  assert.deepEqual({ ...join }, { t: "hello", protocol: 1, match_id: "m", state: "delta", player: "ann" });
  const back = decode(hello({ matchId: "m", player: "ann", token: "t", resume: "r", epoch: 3 }));
  assert.deepEqual({ ...back }, { t: "hello", protocol: 1, match_id: "m", state: "delta", resume: "r", epoch: 3 });
});
