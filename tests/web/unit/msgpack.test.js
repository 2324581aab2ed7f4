// MessagePack: what is written is read again, and the bytes are those of the format.

import assert from "node:assert/strict";
import { test } from "node:test";

import { decode, encode } from "../../../assets/web/net/msgpack.js";

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const bytes = (text) => Uint8Array.from(Buffer.from(text, "hex"));
// Maps are read without a prototype; here they are compared with plain ones.
const plain = (value) => JSON.parse(JSON.stringify(value));

test("golden bytes", () => {
  const golden = [
    [null, "c0"], [true, "c3"], [false, "c2"],
    [0, "00"], [127, "7f"], [128, "cc80"], [255, "ccff"], [256, "cd0100"], [65536, "ce00010000"],
    [2 ** 32, "cf0000000100000000"], [Number.MAX_SAFE_INTEGER, "cf001fffffffffffff"],
    [-1, "ff"], [-32, "e0"], [-33, "d0df"], [-129, "d1ff7f"], [-32769, "d2ffff7fff"],
    ["", "a0"], ["ann", "a3616e6e"], ["\u00e9", "a2c3a9"], ["x".repeat(32), `d920${"78".repeat(32)}`],
    [[], "90"], [[1, [2]], "920191" + "02"], [{ t: "leave" }, "81a174a56c65617665"],
    [Uint8Array.of(1, 2), "c4020102"],
  ];
  for (const [value, expected] of golden) {
    assert.equal(hex(encode(value)), expected);
    assert.deepEqual(plain(decode(bytes(expected))), plain(value));
  }
});

test("whatever is written is read again", () => {
  const long = Array.from({ length: 70 }, (_, index) => index * 1000 - 20000);
  const many = Object.fromEntries(long.map((value, index) => [`key ${index}`, value]));
  for (const value of [long, many, "word ".repeat(200), { a: { b: [true, null, { c: -7 }] } }]) {
    assert.deepEqual(plain(decode(encode(value))), value);
  }
  const raw = Uint8Array.from({ length: 700 }, (_, index) => index % 256);
  assert.deepEqual(decode(encode(raw)), raw);
});

test("fields that are undefined are left out", () => {
  assert.equal(hex(encode({ a: 1, b: undefined })), "81a16101");
});

test("broken messages throw", () => {
  // Too short, too long, an unknown marker, a lying count, an extension, text that is no UTF-8.
  for (const text of ["", "cd01", "0000", "c1", "dd7fffffff", "dfffffffff", "d40001", "a1ff", "cfffffffffffffffff"]) {
    assert.throws(() => decode(bytes(text)), text);
  }
  assert.throws(() => decode(bytes("91".repeat(40) + "c0")), /nested/);
  for (const value of [0.5, Number.NaN, 2 ** 60, -(2 ** 40)]) assert.throws(() => encode(value));
});
