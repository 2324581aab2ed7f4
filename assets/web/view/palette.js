// The colours of what is drawn on a canvas. Ours is always the same; nobody else has it.

export const OWN = "#4fe3ff";
export const VOID = "#06080d";
export const FLOOR = "#121826";
export const FLOOR_LIGHT = "#151d2e";
export const FLOOR_LINE = "rgba(140, 170, 230, 0.055)";
export const FLOOR_LINE_STRONG = "rgba(140, 170, 230, 0.13)";
export const WALL = "#31405f";
export const WALL_SIDE = "#1d2740";
export const WALL_EDGE = "#6f8bc4";
export const HEAL = "#5dffa0";
export const HURT = "#ff4d5e";

/** Of other players; as far from each other, and from ours, as colours on a dark floor can be. */
export const OTHERS = [
  "#ff9f43", "#ff5ca8", "#b8f34a", "#b18cff", "#ffd84d", "#ff6b5c", "#5dff9e", "#f28cff", "#ffb3a1", "#8fa8ff",
  "#e500ff", "#00ff00", "#b0cf81", "#ff3300", "#db9fcf", "#46b996", "#ff00cc", "#ffff00", "#b99646", "#5db946",
  "#ff2969", "#26d938", "#ffe3a3", "#a3ffe3", "#e56c84", "#d049df", "#c464b1", "#9fb1db",
];

/** The colour of a seat, seen from ours: of the first ones each has its own. */
export function colourOf(seat, mySeat) {
  return seat === mySeat ? OWN : OTHERS[seat % OTHERS.length];
}

/** A soft round light of a colour, drawn once and then copied. */
const glows = new Map();
export function glowOf(colour) {
  if (!glows.has(colour)) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 64;
    const ctx = canvas.getContext("2d");
    const light = ctx.createRadialGradient(32, 32, 0, 32, 32, 32);
    light.addColorStop(0, colour);
    light.addColorStop(0.35, `${colour}66`);
    light.addColorStop(1, `${colour}00`);
    ctx.fillStyle = light;
    ctx.fillRect(0, 0, 64, 64);
    glows.set(colour, canvas);
  }
  return glows.get(colour);
}

/** The colour of a name where nobody has a seat: the same in every window. */
export function colourOfName(name) {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ char.codePointAt(0), 0x01000193);
  // Names that differ in one letter are to differ in more than the last bits.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return OTHERS[((hash ^ (hash >>> 13)) >>> 0) % OTHERS.length];
}
