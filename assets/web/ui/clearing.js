// Parts of the HUD that stand over somebody become faint: nobody is hidden behind a number.

/** Pixels around a body's middle that are to be seen: the body and its name. */
const AROUND = 30;

export class Clearing {
  constructor(parts) {
    this.parts = parts;
  }

  /** `places` are those of everybody who can be seen, in CSS pixels. */
  update(places) {
    for (const part of this.parts) {
      const { left, right, top, bottom } = part.getBoundingClientRect();
      const isOver = ([x, y]) => x > left - AROUND && x < right + AROUND && y > top - AROUND && y < bottom + AROUND;
      part.classList.toggle("faint", places.some(isOver));
    }
  }
}
