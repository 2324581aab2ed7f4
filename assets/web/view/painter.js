// A frame of the arena on its canvas: the order in which things are drawn, and the flashes between.

import { UNIT } from "../arena/geometry.js";
import { MUZZLE } from "../arena/shots.js";
import { drawMarker, drawName, drawPickup, drawPlayer, drawShot } from "./actors.js";
import { Camera } from "./camera.js";
import { Effects } from "./effects.js";
import { Ground } from "./ground.js";
import { colourOf, HEAL, HURT, OWN, VOID } from "./palette.js";

const RATIO_MAX = 2;
const RECOIL_MS = 90;
/** A shot of ours that comes this near to somebody drawn has met them. */
const TOUCH = 110;
const MARKER_MS = 320;

export class Painter {
  /** `sounds` plays by name; `still` says that the player wants little motion. */
  constructor(canvas, match, controls, { still, sounds }) {
    this.canvas = canvas;
    this.ctx = canvas.getContext("2d", { alpha: false });
    this.match = match;
    this.controls = controls;
    this.still = still;
    this.sounds = sounds;
    this.camera = new Camera();
    this.effects = new Effects(still);
    this.ground = new Ground(match.terrain);
    this.hits = new Map();
    this.recoils = new Map();
    /** Whom a shot of ours met last: where, when, and was it their end. */
    this.marker = null;
  }

  resize() {
    const ratio = Math.min(window.devicePixelRatio || 1, RATIO_MAX);
    const { clientWidth, clientHeight } = this.canvas;
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.ratio = ratio;
    this.camera.resize(clientWidth, clientHeight);
  }

  /** Our trigger was pulled and it fired. */
  fired(body, aim) {
    this.muzzle(body, aim.aim_x, aim.aim_y, OWN);
    this.recoils.set(body.seat, performance.now());
    this.sounds.play("shot");
    this.effects.shake(1.5);
  }

  hurt(amount) {
    this.effects.shake(amount / 3);
    this.sounds.play("hurt");
  }

  draw(frame, nowMs) {
    const passedMs = Math.min(100, nowMs - (this.drawnMs ?? nowMs));
    this.drawnMs = nowMs;
    this.resize();
    const { ctx, camera } = this;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.fillStyle = VOID;
    ctx.fillRect(0, 0, this.canvas.width, this.canvas.height);
    if (!frame) return;
    this.aimCamera(frame, passedMs);
    this.match.scene.tell(frame.tick, this.tellers(nowMs));
    const [shakeX, shakeY] = this.effects.offset(passedMs);
    const zoom = camera.scale * this.ratio;
    ctx.setTransform(zoom, 0, 0, zoom, -camera.left * zoom + shakeX, -camera.top * zoom + shakeY);
    this.ground.floor(ctx, camera);
    for (const pickup of frame.pickups) this.pickup(pickup, nowMs);
    this.ground.shade(ctx, camera);
    this.players(frame, nowMs);
    this.ground.walls(ctx, camera);
    this.ground.edge(ctx, camera);
    this.shots(frame);
    this.effects.draw(ctx, passedMs, (effect, alpha) => this.words(effect, alpha));
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.names(frame);
    this.controls.draw(ctx, frame.own);
    this.mark(nowMs);
  }

  // At the reticle, where one looks; with thumbs there is none, so at whom it met.
  mark(nowMs) {
    if (!this.marker) return;
    const left = 1 - (nowMs - this.marker.ms) / MARKER_MS;
    if (left <= 0) return;
    const [x, y] = this.controls.reticle ?? this.camera.toScreen(this.marker.x, this.marker.y);
    drawMarker(this.ctx, x, y, this.marker, left);
  }

  aimCamera({ own, others }, passedMs) {
    const seen = own ?? others[0];
    if (!seen) return;
    const look = this.controls.look(this.camera);
    this.camera.follow(seen.x, seen.y, look.x, look.y, own ? passedMs : 1e6);
    this.camera.stayWithin(this.match.terrain.width, this.match.terrain.height);
    this.controls.origin = this.camera.toScreen(seen.x, seen.y);
  }

  pickup(pickup, nowMs) {
    if (this.camera.sees(pickup.x / UNIT, pickup.y / UNIT, 1)) drawPickup(this.ctx, pickup, nowMs, this.still);
  }

  players({ own, others }, nowMs) {
    for (const other of others) if (other.health > 0) this.player(other, nowMs, false);
    if (own && own.health > 0) {
      const aim = this.controls.aim(own);
      this.player({ ...own, ...aim }, nowMs, true);
    }
  }

  player(player, nowMs, isOwn) {
    if (!this.camera.sees(player.x / UNIT, player.y / UNIT, 1)) return;
    const colour = colourOf(player.seat, this.match.seat);
    const hitMs = nowMs - (this.hits.get(player.seat) ?? -Infinity);
    const since = nowMs - (this.recoils.get(player.seat) ?? -Infinity);
    const recoil = since < RECOIL_MS ? 0.16 * (1 - since / RECOIL_MS) : 0;
    drawPlayer(this.ctx, player, { colour, isOwn, hitMs, recoil });
  }

  shots(frame) {
    const standing = frame.others.filter((other) => other.health > 0);
    const touches = (x, y) => (other) => Math.hypot(other.x - x, other.y - y) < TOUCH;
    this.match.shots.each(frame.tick, frame.position, {
      draw: (x, y, shot, travelled) => {
        if (this.camera.sees(x / UNIT, y / UNIT, 2)) {
          drawShot(this.ctx, x, y, shot, travelled, this.match.seat);
        }
      },
      fired: (shot) => {
        this.recoils.set(shot.owner, performance.now());
        this.muzzle(shot, shot.vx, shot.vy, colourOf(shot.owner, this.match.seat));
        if (this.camera.sees(shot.x / UNIT, shot.y / UNIT, 0)) this.sounds.play("far");
      },
      ended: (x, y, shot) => {
        if (!this.camera.sees(x / UNIT, y / UNIT, 1)) return;
        const colour = colourOf(shot.owner, this.match.seat);
        this.effects.glow(x / UNIT, y / UNIT, colour, 0.6, 130);
        this.effects.sparks(x / UNIT, y / UNIT, colour, 6, 3.2, -shot.vx / 160, -shot.vy / 160);
      },
      blocked: (x, y) => standing.some(touches(x, y)),
    });
  }

  muzzle({ x, y }, dirX, dirY, colour) {
    const length = Math.hypot(dirX, dirY) || 1;
    const [stepX, stepY] = [dirX / length, dirY / length];
    const [atX, atY] = [(x + stepX * MUZZLE) / UNIT, (y + stepY * MUZZLE) / UNIT];
    if (!this.camera.sees(atX, atY, 1)) return;
    this.effects.glow(atX, atY, "#ffffff", 0.34, 60);
    this.effects.glow(atX, atY, colour, 0.75, 90);
    this.effects.sparks(atX, atY, colour, 3, 2.4, stepX, stepY);
  }

  // What the drawn states tell. Ours is told by the newest state instead: `hurt`.
  tellers(nowMs) {
    const at = ({ x, y }) => [x / UNIT, y / UNIT];
    const seen = (player) => this.camera.sees(...at(player), 1);
    const metByUs = (player, tick, killed) => {
      if (player.seat === this.match.seat || !this.match.shots.met(tick, player)) return;
      this.marker = { ms: nowMs, killed, x: player.x, y: player.y };
      this.effects.words(...at(player), "-25", HURT);
      this.sounds.play("hit");
    };
    return {
      hit: (player, tick) => {
        this.hits.set(player.seat, nowMs);
        metByUs(player, tick, false);
        if (seen(player)) this.effects.sparks(...at(player), "#ffffff", 8, 4);
      },
      died: (player, tick) => {
        metByUs(player, tick, true);
        if (!seen(player)) return;
        const colour = colourOf(player.seat, this.match.seat);
        this.effects.glow(...at(player), colour, 2.2, 260);
        this.effects.ring(...at(player), colour, 0.3, 1.9, 420);
        this.effects.sparks(...at(player), colour, 34, 7);
        this.effects.shake(4);
        this.sounds.play("died");
      },
      came: (player) => {
        if (!seen(player)) return;
        this.effects.ring(...at(player), colourOf(player.seat, this.match.seat), 1.6, 0.4, 380);
      },
      taken: (pickup) => {
        if (!seen(pickup)) return;
        this.effects.ring(...at(pickup), HEAL, 0.3, 1.1, 360);
        this.effects.words(...at(pickup), "+50", HEAL);
        this.sounds.play("heal");
      },
    };
  }

  words({ x, y, text, colour }, alpha) {
    const { ctx } = this;
    const [atX, atY] = this.camera.toScreen(x * UNIT, y * UNIT);
    ctx.save();
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    ctx.globalAlpha = Math.min(1, alpha * 2);
    ctx.font = "800 15px system-ui, sans-serif";
    ctx.textAlign = "center";
    ctx.fillStyle = colour;
    ctx.fillText(text, atX, atY - this.camera.scale * 0.6);
    ctx.restore();
  }

  names({ others }) {
    for (const other of others) {
      if (other.health === 0 || !this.camera.sees(other.x / UNIT, other.y / UNIT, 1)) continue;
      const [x, y] = this.camera.toScreen(other.x, other.y);
      const words = this.match.nameOf(other.seat) + (other.connected ? "" : " (away)");
      drawName(this.ctx, words, Math.round(x), Math.round(y + this.camera.scale * 0.4 + 16), "#dfe8fa");
    }
  }
}
