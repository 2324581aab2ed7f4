// The bodies of the last states: what differences are relative to.

import { applyDifference } from "./delta.js";

/** Bodies that are kept. */
export const BODIES_MAX = 32;

export class History {
  constructor(schema) {
    this.schema = schema;
    this.bodies = new Map();
  }

  /** The whole body of a state, from now on known by its tick. Throws if it cannot be read or its base is unknown. */
  take({ tick, base, body }) {
    const whole = base === null ? this.checked(body) : applyDifference(this.schema, this.body(base), body);
    this.bodies.set(tick, whole);
    if (this.bodies.size > BODIES_MAX) this.bodies.delete(this.bodies.keys().next().value);
    return whole;
  }

  body(tick) {
    const body = this.bodies.get(tick);
    if (!body) throw new Error("a state that builds on one that is not there");
    return body;
  }

  checked(body) {
    this.schema.sections(body);
    return body;
  }
}
