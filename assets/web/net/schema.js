// Packed rows, by the schema of `welcome` alone: nothing here knows a game.

const BYTES = { u8: 1, u16: 2, u32: 4, i8: 1, i16: 2, i32: 4, bool: 1 };

const READ = {
  u8: (view, at) => view.getUint8(at),
  u16: (view, at) => view.getUint16(at, true),
  u32: (view, at) => view.getUint32(at, true),
  i8: (view, at) => view.getInt8(at),
  i16: (view, at) => view.getInt16(at, true),
  i32: (view, at) => view.getInt32(at, true),
  bool: (view, at) => view.getUint8(at) !== 0,
};

const WRITE = {
  u8: (view, at, value) => view.setUint8(at, value),
  u16: (view, at, value) => view.setUint16(at, value, true),
  u32: (view, at, value) => view.setUint32(at, value, true),
  i8: (view, at, value) => view.setInt8(at, value),
  i16: (view, at, value) => view.setInt16(at, value, true),
  i32: (view, at, value) => view.setInt32(at, value, true),
  bool: (view, at, value) => view.setUint8(at, value ? 1 : 0),
};

const ID_BYTES = 4;
const SECTION_BYTES = 3;

function layoutOf(fields) {
  let at = 0;
  const layout = fields.map(({ name, kind }) => {
    if (!(kind in BYTES)) throw new Error(`the schema has a field of the unknown kind ${kind}`);
    const place = { name, kind, bytes: BYTES[kind], read: READ[kind], write: WRITE[kind], at };
    at += BYTES[kind];
    return place;
  });
  return { fields: layout, bytes: at };
}

/** How the rows of one match are packed. Made once from the schema of a `welcome`. */
export class Schema {
  constructor(schema) {
    this.kinds = schema.kinds.map((kind) => ({ name: kind.name, ...layoutOf(kind.fields) }));
    this.input = layoutOf(schema.input);
  }

  /** The packed rows of a body: a list for each kind, be it empty. Rows are parts of the body, not copies. */
  sections(body) {
    const found = this.kinds.map(() => []);
    let at = 0;
    while (at < body.length) {
      if (at + SECTION_BYTES > body.length) throw new Error("a state's body ends within a section");
      const kind = this.kinds[body[at]];
      if (!kind) throw new Error("a state holds a kind that the schema lacks");
      const rows = found[body[at]];
      const count = body[at + 1] + 0x100 * body[at + 2];
      at += SECTION_BYTES;
      const rowBytes = ID_BYTES + kind.bytes;
      if (at + count * rowBytes > body.length) throw new Error("a state's body ends within a row");
      for (let row = 0; row < count; row++, at += rowBytes) rows.push(body.subarray(at, at + rowBytes));
    }
    return found;
  }

  /**
   * The entities of a state's body: a map from a kind's name to its rows, each with `id` and the fields as
   * stored. Every kind has a list, be it empty.
   */
  entities(body) {
    const entity = (kind, row) => {
      const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
      const found = { id: view.getUint32(0, true) };
      for (const field of kind.fields) found[field.name] = field.read(view, ID_BYTES + field.at);
      return found;
    };
    const sections = this.sections(body);
    return Object.fromEntries(
      this.kinds.map((kind, number) => [kind.name, sections[number].map((row) => entity(kind, row))]),
    );
  }

  /** Inputs as packed rows, one after another. A field that is not given is 0. */
  inputRows(inputs) {
    const rows = new Uint8Array(inputs.length * this.input.bytes);
    const view = new DataView(rows.buffer);
    inputs.forEach((input, index) => {
      for (const field of this.input.fields) {
        field.write(view, index * this.input.bytes + field.at, input[field.name] ?? 0);
      }
    });
    return rows;
  }
}
