// One tick of a body, bit for bit as the server does it (PROTOCOL: moving).

import { goalOf, lengthUp, RADIUS, SPEED_MAX, withinDisc, withLength } from "./geometry.js";

const ACCELERATION = 4;
const FRICTION = 2;
const PUSH_MAX = 64;
const TOUCH = 2 * RADIUS;

/** The body after a tick with this input. `others` are living bodies, where they stand after walking. */
export function step(body, input, terrain, others) {
  const after = { ...body };
  if (body.health > 0) steer(after, input);
  if (after.vx !== 0 || after.vy !== 0) walk(after, terrain);
  if (body.health > 0) makeRoom(after, terrain, others);
  return after;
}

const clamped = (axis) => Math.max(-127, Math.min(127, axis));

/** The stick of an input as the server takes it. */
export function stickOf(input) {
  return withinDisc(clamped(input.move_x), clamped(input.move_y), 127);
}

function steer(body, input) {
  if (input.aim_x !== 0 || input.aim_y !== 0) {
    body.aim_x = clamped(input.aim_x);
    body.aim_y = clamped(input.aim_y);
  }
  const [stickX, stickY] = stickOf(input);
  const [goalX, goalY] = goalOf(stickX, stickY);
  const most = stickX === 0 && stickY === 0 ? FRICTION : ACCELERATION;
  const [changeX, changeY] = [goalX - body.vx, goalY - body.vy];
  if (lengthUp(changeX, changeY) <= most) {
    [body.vx, body.vy] = [goalX, goalY];
  } else {
    const [byX, byY] = withLength(changeX, changeY, most);
    [body.vx, body.vy] = withinDisc(body.vx + byX, body.vy + byY, SPEED_MAX);
  }
}

function walk(body, terrain) {
  const slid = terrain.slide(body.x, body.y, body.vx, body.vy);
  [body.x, body.y] = [slid.x, slid.y];
  if (!slid.freeX) body.vx = 0;
  if (!slid.freeY) body.vy = 0;
}

function makeRoom(body, terrain, others) {
  let [pushX, pushY] = [0, 0];
  for (const other of others) {
    let [x, y] = [body.x - other.x, body.y - other.y];
    if (Math.abs(x) >= TOUCH || Math.abs(y) >= TOUCH) continue;
    const overlap = TOUCH - lengthUp(x, y);
    if (overlap <= 0) continue;
    if (x === 0 && y === 0) x = body.seat < other.seat ? -1 : 1;
    const [byX, byY] = withLength(x, y, Math.floor((overlap + 1) / 2));
    pushX += byX;
    pushY += byY;
  }
  if (pushX === 0 && pushY === 0) return;
  const clamp = (push) => Math.max(-PUSH_MAX, Math.min(PUSH_MAX, push));
  const slid = terrain.slide(body.x, body.y, clamp(pushX), clamp(pushY));
  [body.x, body.y] = [slid.x, slid.y];
}
