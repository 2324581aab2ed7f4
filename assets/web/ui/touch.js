// Two sticks for two thumbs: the left half of the screen moves, the right half aims and shoots. A stick is
// where the thumb comes down.

/** A thumb this far from where it came down pushes the stick all the way. */
export const REACH = 52;
const REST_SHARE = 0.18;
/** The right stick shoots from here on. */
const SHOOT_SHARE = 0.45;

export class Sticks {
  constructor(surface) {
    this.surface = surface;
    this.left = null;
    this.right = null;
    this.used = false;
    surface.addEventListener("pointerdown", (event) => this.down(event));
    surface.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) surface.addEventListener(name, (event) => this.up(event));
  }

  down(event) {
    if (event.pointerType !== "touch") return;
    this.used = true;
    const side = event.clientX < this.surface.clientWidth / 2 ? "left" : "right";
    if (this[side] !== null) return;
    const { clientX: x, clientY: y } = event;
    this[side] = { pointer: event.pointerId, fromX: x, fromY: y, x, y };
    this.surface.setPointerCapture(event.pointerId);
  }

  move(event) {
    const stick = [this.left, this.right].find((one) => one?.pointer === event.pointerId);
    if (!stick) return;
    [stick.x, stick.y] = [event.clientX, event.clientY];
    // A thumb that goes on takes the stick with it: it always answers at once.
    const [x, y] = [stick.x - stick.fromX, stick.y - stick.fromY];
    const far = Math.hypot(x, y);
    if (far <= REACH) return;
    stick.fromX = stick.x - (x / far) * REACH;
    stick.fromY = stick.y - (y / far) * REACH;
  }

  up(event) {
    if (this.left?.pointer === event.pointerId) this.left = null;
    if (this.right?.pointer === event.pointerId) this.right = null;
  }

  release() {
    this.left = null;
    this.right = null;
  }

  /** A stick as shares from -1 to 1, or null if it rests. */
  push(side) {
    const stick = this[side];
    if (!stick) return null;
    const [x, y] = [(stick.x - stick.fromX) / REACH, (stick.y - stick.fromY) / REACH];
    return Math.hypot(x, y) < REST_SHARE ? null : { x, y };
  }

  get shoots() {
    const push = this.push("right");
    return push !== null && Math.hypot(push.x, push.y) >= SHOOT_SHARE;
  }

  /** Draws both, or where they would be. */
  draw(ctx, width, height) {
    if (!this.used) return;
    const low = height - 128;
    this.drawOne(ctx, this.left, 84, low, "#4fe3ff");
    this.drawOne(ctx, this.right, width - 84, low, "#ff9f43");
  }

  drawOne(ctx, stick, restX, restY, colour) {
    const [x, y] = stick ? [stick.fromX, stick.fromY] : [restX, restY];
    ctx.globalAlpha = stick ? 0.7 : 0.28;
    ctx.lineWidth = 2;
    ctx.strokeStyle = colour;
    ctx.fillStyle = colour;
    ctx.beginPath();
    ctx.arc(x, y, REACH, 0, 2 * Math.PI);
    ctx.stroke();
    ctx.globalAlpha *= 0.6;
    ctx.beginPath();
    ctx.arc(stick?.x ?? x, stick?.y ?? y, 22, 0, 2 * Math.PI);
    ctx.fill();
    ctx.globalAlpha = 1;
  }
}
