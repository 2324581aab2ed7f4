// MessagePack, as much of it as the protocol uses: maps with text keys, arrays, text, bytes, whole numbers,
// true, false and nil. Floats are read, since a game's own data may hold them.
//
// Not here: extension types. What cannot be read throws; it never yields half a value.

const DEPTH_MAX = 30;
const text = new TextDecoder("utf-8", { fatal: true });
const utf8 = new TextEncoder();

/** The bytes of a value. Numbers must be whole and safe; undefined fields of a map are left out. */
export function encode(value) {
  const bytes = [];
  put(bytes, value);
  return Uint8Array.from(bytes);
}

function put(bytes, value) {
  if (value === null || value === undefined) bytes.push(0xc0);
  else if (value === false) bytes.push(0xc2);
  else if (value === true) bytes.push(0xc3);
  else if (typeof value === "number") putNumber(bytes, value);
  else if (typeof value === "string") putText(bytes, value);
  else if (value instanceof Uint8Array) putBytes(bytes, value);
  else if (Array.isArray(value)) putArray(bytes, value);
  else putMap(bytes, value);
}

function putNumber(bytes, value) {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no whole number`);
  if (value < 0) return putNegative(bytes, value);
  if (value < 0x80) bytes.push(value);
  else if (value < 0x100) bytes.push(0xcc, value);
  else if (value < 0x10000) putUnsigned(bytes, 0xcd, value, 2);
  else if (value < 0x100000000) putUnsigned(bytes, 0xce, value, 4);
  else putUnsigned(bytes, 0xcf, value, 8);
}

function putNegative(bytes, value) {
  if (value >= -0x20) bytes.push(value + 0x100);
  else if (value >= -0x80) bytes.push(0xd0, value + 0x100);
  else if (value >= -0x8000) putUnsigned(bytes, 0xd1, value + 0x10000, 2);
  else if (value >= -0x80000000) putUnsigned(bytes, 0xd2, value + 0x100000000, 4);
  else throw new RangeError(`${value} is below 32 bits`);
}

// Big-endian. Division instead of shifts: a tick has more than 32 bits.
function putUnsigned(bytes, head, value, count) {
  bytes.push(head);
  for (let place = count - 1; place >= 0; place--) {
    bytes.push(Math.floor(value / 2 ** (8 * place)) % 0x100);
  }
}

function putText(bytes, value) {
  const encoded = utf8.encode(value);
  if (encoded.length < 32) bytes.push(0xa0 | encoded.length);
  else if (encoded.length < 0x100) bytes.push(0xd9, encoded.length);
  else putUnsigned(bytes, 0xda, lengthBelow(encoded.length, 0x10000), 2);
  bytes.push(...encoded);
}

function putBytes(bytes, value) {
  if (value.length < 0x100) bytes.push(0xc4, value.length);
  else putUnsigned(bytes, 0xc5, lengthBelow(value.length, 0x10000), 2);
  bytes.push(...value);
}

function putArray(bytes, value) {
  if (value.length < 16) bytes.push(0x90 | value.length);
  else putUnsigned(bytes, 0xdc, lengthBelow(value.length, 0x10000), 2);
  for (const item of value) put(bytes, item);
}

function putMap(bytes, value) {
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  if (entries.length < 16) bytes.push(0x80 | entries.length);
  else putUnsigned(bytes, 0xde, lengthBelow(entries.length, 0x10000), 2);
  for (const [key, field] of entries) {
    putText(bytes, key);
    put(bytes, field);
  }
}

function lengthBelow(length, end) {
  if (length >= end) throw new RangeError(`${length} is too long for a message`);
  return length;
}

/** The one value in these bytes. Bytes after it are an error. */
export function decode(bytes) {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.at !== bytes.length) throw new Error("bytes after the end of a message");
  return value;
}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  value(depth) {
    if (depth >= DEPTH_MAX) throw new Error("a message is nested too deeply");
    const head = this.unsigned(1);
    if (head < 0x80) return head;
    if (head < 0x90) return this.map(head & 0x0f, depth);
    if (head < 0xa0) return this.array(head & 0x0f, depth);
    if (head < 0xc0) return this.text(head & 0x1f);
    if (head >= 0xe0) return head - 0x100;
    return this.marked(head, depth);
  }

  marked(head, depth) {
    switch (head) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return this.take(this.unsigned(1));
      case 0xc5: return this.take(this.unsigned(2));
      case 0xc6: return this.take(this.unsigned(4));
      case 0xca: return this.view.getFloat32(this.advance(4));
      case 0xcb: return this.view.getFloat64(this.advance(8));
      case 0xcc: return this.unsigned(1);
      case 0xcd: return this.unsigned(2);
      case 0xce: return this.unsigned(4);
      case 0xcf: return safe(this.view.getBigUint64(this.advance(8)));
      case 0xd0: return this.view.getInt8(this.advance(1));
      case 0xd1: return this.view.getInt16(this.advance(2));
      case 0xd2: return this.view.getInt32(this.advance(4));
      case 0xd3: return safe(this.view.getBigInt64(this.advance(8)));
      case 0xd9: return this.text(this.unsigned(1));
      case 0xda: return this.text(this.unsigned(2));
      case 0xdb: return this.text(this.unsigned(4));
      case 0xdc: return this.array(this.unsigned(2), depth);
      case 0xdd: return this.array(this.unsigned(4), depth);
      case 0xde: return this.map(this.unsigned(2), depth);
      case 0xdf: return this.map(this.unsigned(4), depth);
      default: throw new Error(`a message holds the unknown marker ${head}`);
    }
  }

  array(count, depth) {
    // Every item has at least a byte: a lying count cannot make us reserve room for it.
    this.within(count);
    const items = [];
    for (let index = 0; index < count; index++) items.push(this.value(depth + 1));
    return items;
  }

  map(count, depth) {
    this.within(2 * count);
    const fields = Object.create(null);
    for (let index = 0; index < count; index++) {
      const key = this.value(depth + 1);
      fields[String(key)] = this.value(depth + 1);
    }
    return fields;
  }

  text(length) {
    return text.decode(this.take(length));
  }

  take(length) {
    const start = this.advance(length);
    return this.bytes.subarray(start, start + length);
  }

  unsigned(count) {
    const at = this.advance(count);
    if (count === 1) return this.view.getUint8(at);
    return count === 2 ? this.view.getUint16(at) : this.view.getUint32(at);
  }

  advance(count) {
    this.within(count);
    const at = this.at;
    this.at += count;
    return at;
  }

  within(count) {
    if (this.at + count > this.bytes.length) throw new Error("a message ends too early");
  }
}

function safe(big) {
  const number = Number(big);
  if (!Number.isSafeInteger(number)) throw new Error("a number is beyond 53 bits");
  return number;
}
