// Differences between states: the body of a state from that of another one (PROTOCOL: differences).
//
// Nothing here knows a game; a `Schema` says how rows are laid out. What cannot be read throws.

const COUNT_ORDER = 0;
const ID_ORDER = 2;
/** Bits of a difference, by the bytes of its field. */
const SIZES = { 1: [6, 8], 2: [3, 6, 9, 16], 4: [6, 9, 15, 32] };
/** Fields whose change is told together. */
const GROUP = 4;
const ID_BYTES = 4;
const ROWS_MAX = 0xffff;
const BODY_BYTES_MAX = 1 << 20;

/** Reads bits, the lowest of a byte first. */
export class BitReader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  /** The next bits as a number, at most 32 of them. */
  read(bits) {
    if (this.at + bits > this.bytes.length * 8) throw new Error("a difference ends early");
    let value = 0;
    for (let got = 0; got < bits; ) {
      const from = this.at % 8;
      const take = Math.min(8 - from, bits - got);
      value += ((this.bytes[this.at >> 3] >> from) & ((1 << take) - 1)) * 2 ** got;
      got += take;
      this.at += take;
    }
    return value;
  }

  bit() {
    return this.read(1) === 1;
  }

  /** A number that is likely small (Exp-Golomb). */
  number(order) {
    let zeros = 0;
    while (!this.bit()) {
      zeros += 1;
      if (zeros > 32 - order) throw new Error("a number of a difference is too long");
    }
    const below = zeros + order;
    const value = 2 ** below + this.read(below) - 2 ** order;
    if (value > 0xffffffff) throw new Error("a number of a difference is too large");
    return value;
  }

  /** A number that is likely near 0. */
  signed(order) {
    const number = this.number(order);
    return number % 2 === 0 ? number / 2 : -(number + 1) / 2;
  }

  /** Nothing but the zeros that fill the last byte may be left. */
  finish() {
    const left = this.bytes.length * 8 - this.at;
    if (left >= 8 || this.read(left) !== 0) throw new Error("bits after the end of a difference");
  }
}

/** The body that a difference makes of another body. */
export function applyDifference(schema, base, bytes) {
  const bits = new BitReader(bytes);
  const known = schema.sections(base);
  const sections = schema.kinds.map((kind, number) => {
    const rows = known[number];
    return merge(kept(kind, rows, bits), fresh(kind, rows, bits));
  });
  bits.finish();
  return bodyOf(sections);
}

// The rows of the base that stay.
function kept(kind, rows, bits) {
  const mask = emptyMask(kind);
  const stay = [];
  for (const row of rows) {
    if (!bits.bit()) stay.push(row);
    else if (!bits.bit()) stay.push(changed(kind, row, mask, bits));
    // Gone, or still there but out of view: for a body that is the same.
    else bits.bit();
  }
  return stay;
}

// The rows that the base has not, each told by the one before.
function fresh(kind, rows, bits) {
  const count = bits.number(COUNT_ORDER);
  if (count > ROWS_MAX) throw new Error("a kind with too many rows");
  const mask = emptyMask(kind);
  const come = [];
  let last = rows.at(-1) ?? new Uint8Array(ID_BYTES + kind.bytes);
  for (let index = 0; index < count; index++) {
    const before = viewOf(last).getUint32(0, true);
    const id = index === 0 ? (before + bits.signed(ID_ORDER)) >>> 0 : before + 1 + bits.number(ID_ORDER);
    if (id > 0xffffffff) throw new Error("the id of a new row is out of place");
    last = changed(kind, last, mask, bits);
    viewOf(last).setUint32(0, id, true);
    come.push(last);
    if (come.length * last.length > BODY_BYTES_MAX) throw new Error("a body of more than 1 MiB");
  }
  return come;
}

// A row with the fields changed that the bits tell of.
function changed(kind, from, mask, bits) {
  const row = from.slice();
  const view = viewOf(row);
  readMask(kind, mask, bits);
  kind.fields.forEach((field, index) => {
    if (((mask[Math.floor(index / GROUP)] >> index % GROUP) & 1) === 0) return;
    const at = ID_BYTES + field.at;
    if (field.kind === "bool") view.setUint8(at, view.getUint8(at) ^ 1);
    // Setting takes a number modulo the field's width, so a sum needs no wrapping and no sign.
    else if (field.bytes === 1) view.setUint8(at, view.getUint8(at) + difference(1, bits));
    else if (field.bytes === 2) view.setUint16(at, view.getUint16(at, true) + difference(2, bits), true);
    else view.setUint32(at, view.getUint32(at, true) + difference(4, bits), true);
  });
  return row;
}

function emptyMask(kind) {
  return new Array(Math.ceil(kind.fields.length / GROUP)).fill(0);
}

// Which fields have changed, told by how that differs from the row before.
function readMask(kind, mask, bits) {
  for (let group = 0; group < mask.length; group++) {
    if (bits.bit()) mask[group] = bits.read(Math.min(GROUP, kind.fields.length - group * GROUP));
  }
}

function difference(bytes, bits) {
  const sizes = SIZES[bytes];
  let ones = 0;
  while (ones + 1 < sizes.length && bits.bit()) ones += 1;
  const size = sizes[ones];
  const value = bits.read(size);
  return value < 2 ** (size - 1) ? value : value - 2 ** size;
}

// Rows by ascending id, of two lists that are.
function merge(old, come) {
  if (come.length === 0 || old.length === 0 || idOf(old.at(-1)) < idOf(come[0])) return old.concat(come);
  const merged = [];
  let at = 0;
  for (const row of come) {
    while (at < old.length && idOf(old[at]) < idOf(row)) merged.push(old[at++]);
    if (at < old.length && idOf(old[at]) === idOf(row)) throw new Error("the id of a new row is out of place");
    merged.push(row);
  }
  return merged.concat(old.slice(at));
}

function bodyOf(sections) {
  const bytes = sections.map((rows) => (rows.length === 0 ? 0 : 3 + rows.length * rows[0].length));
  const length = bytes.reduce((sum, section) => sum + section, 0);
  if (length > BODY_BYTES_MAX) throw new Error("a body of more than 1 MiB");
  const body = new Uint8Array(length);
  let at = 0;
  sections.forEach((rows, kind) => {
    if (rows.length === 0) return;
    if (rows.length > ROWS_MAX) throw new Error("a kind with too many rows");
    body.set([kind, rows.length & 0xff, rows.length >> 8], at);
    at += 3;
    for (const row of rows) {
      body.set(row, at);
      at += row.length;
    }
  });
  return body;
}

function idOf(row) {
  return viewOf(row).getUint32(0, true);
}

function viewOf(row) {
  return new DataView(row.buffer, row.byteOffset, row.byteLength);
}
