// The integer geometry of the arena, bit for bit as the server does it (PROTOCOL: moving).

export const UNIT = 256;
export const RADIUS = 102;
export const SPEED_MAX = 32;
export const SHOT_SPEED = 96;
export const SHOT_LIFE = 48;

/** The smallest integer whose square is at least `square`. */
export function rootUp(square) {
  let root = Math.ceil(Math.sqrt(square));
  while (root > 0 && (root - 1) * (root - 1) >= square) root -= 1;
  while (root * root < square) root += 1;
  return root;
}

export function lengthUp(x, y) {
  return rootUp(x * x + y * y);
}

// Adding 0 turns the negative zero of a truncation into the one that integers have.
const divide = (number, by) => Math.trunc(number / by) + 0;

export function withLength(x, y, length) {
  const long = rootUp(65536 * (x * x + y * y));
  if (long === 0) return [0, 0];
  return [divide(x * length * 256, long), divide(y * length * 256, long)];
}

export function withinDisc(x, y, radius) {
  return x * x + y * y <= radius * radius ? [x, y] : withLength(x, y, radius);
}

/** What a stick asks for: a velocity. */
export function goalOf(stickX, stickY) {
  return [divide(stickX * SPEED_MAX, 127), divide(stickY * SPEED_MAX, 127)];
}
