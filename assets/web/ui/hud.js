// What stands over the arena: the round and its clock, health, score, the connection, and words in the middle
// when there is something to say. All places are fixed; only texts change.

import { UNIT } from "../arena/geometry.js";
import { Minimap } from "../view/minimap.js";
import { MatchBoard } from "./board.js";
import { Clearing } from "./clearing.js";
import { byId, clockText, say, show } from "./dom.js";
import { Feed } from "./feed.js";
import { ranked, ScoreTable } from "./table.js";

const SLOW_EVERY_MS = 100;
/** What stands over the arena while one plays. */
const PARTS = ["round", "leaders", "minimap", "connection", "feed", "status", "menu", "chat"];
const RESPAWN_SECONDS = 2;
const PHASE_WORDS = { lobby: "Waiting", countdown: "Get ready", playing: "Round", finished: "Round over" };

export class Hud {
  /** `colour(name)` is the colour of a player's name. */
  constructor(match, camera, sounds, colour) {
    this.match = match;
    this.camera = camera;
    this.sounds = sounds;
    this.feed = new Feed(byId("feed"), match);
    this.short = ScoreTable.short(byId("scores"));
    this.full = ScoreTable.full(byId("all-scores"));
    this.board = new MatchBoard(match, colour);
    this.minimap = new Minimap(byId("minimap"), match.terrain);
    this.clearing = new Clearing(PARTS.map(byId));
    this.status = { phase: "connecting", words: "Joining" };
    this.hurtBy = 0;
    this.tableWanted = false;
    this.slowMs = 0;
    this.diedTick = null;
    this.killer = null;
  }

  /** The connection has another status. */
  takeStatus(status) {
    this.status = status;
    this.statusMs = performance.now();
    byId("connection").dataset.phase = status.phase;
  }

  event(name, data) {
    this.feed.event(name, data);
    if (name === "killed" && data.victim === this.match.seat) this.killer = data.by;
  }

  hurt(amount) {
    this.hurtBy = Math.min(1, this.hurtBy + amount / 45);
  }

  draw(frame, nowMs) {
    const passedMs = Math.min(100, nowMs - (this.drawnMs ?? nowMs));
    this.drawnMs = nowMs;
    this.hurtBy *= Math.exp(-passedMs / 260);
    const low = frame?.own && frame.own.health > 0 && frame.own.health <= 25 ? 0.3 : 0;
    byId("hurt").style.opacity = Math.max(this.hurtBy, low).toFixed(2);
    this.health(frame?.own);
    if (nowMs - this.slowMs < SLOW_EVERY_MS) return;
    this.slowMs = nowMs;
    this.connection(nowMs);
    if (!this.match.state) return;
    this.round();
    this.middle();
    this.tables(nowMs);
    if (!frame) return;
    this.minimap.draw(frame, this.camera, this.match.seat);
    this.clearing.update(this.places(frame));
  }

  places({ own, others }) {
    const seen = [own, ...others].filter((player) => player?.health > 0 && this.camera.sees(player.x / UNIT, player.y / UNIT, 1));
    return seen.map(({ x, y }) => this.camera.toScreen(x, y));
  }

  health(own) {
    const health = own?.health ?? 0;
    if (health === this.healthShown) return;
    this.healthShown = health;
    const bar = byId("health-bar");
    bar.style.transform = `scaleX(${health / 100})`;
    bar.dataset.level = health > 50 ? "high" : health > 25 ? "middle" : "low";
    say(byId("health-number"), String(health));
    byId("health").setAttribute("aria-valuenow", health);
  }

  round() {
    const { phase, secondsLeft, state } = this.match;
    byId("round").dataset.phase = phase;
    say(byId("phase"), phase === "playing" ? `Round ${state.round.played + 1}` : PHASE_WORDS[phase]);
    say(byId("clock"), secondsLeft === null ? "-:--" : clockText(secondsLeft));
    byId("clock").classList.toggle("urgent", phase === "playing" && secondsLeft <= 10);
    this.ring(phase, secondsLeft);
  }

  ring(phase, secondsLeft) {
    const beat = phase === "countdown" ? Math.ceil(secondsLeft) : phase;
    if (beat === this.beat) return;
    if (phase === "countdown") this.sounds.play("tick");
    else if (phase === "playing" && this.beat !== undefined) this.sounds.play("start");
    this.beat = beat;
  }

  middle() {
    const [title, words] = this.wordsNow();
    say(byId("middle-title"), title);
    say(byId("middle-words"), words);
  }

  wordsNow() {
    const { phase, secondsLeft, state } = this.match;
    const own = state.own;
    if (own?.health !== 0) [this.diedTick, this.killer] = [null, own ? null : this.killer];
    if (phase === "lobby") return ["Waiting for players", "The round begins by itself. Share the link meanwhile."];
    if (phase === "countdown") return [String(Math.max(1, Math.ceil(secondsLeft))), "Get ready"];
    if (phase === "finished") return this.result(secondsLeft);
    if (own?.health === 0) return this.death(state);
    if (!this.match.controls.moved) return ["", this.match.controls.help];
    return ["", ""];
  }

  death(state) {
    this.diedTick ??= state.tick;
    const left = RESPAWN_SECONDS - (state.tick - this.diedTick) / this.match.rateHz;
    const by = this.killer === null ? "You are out" : `${this.match.nameOf(this.killer)} took you out`;
    return [by, `Back in ${Math.max(0, left).toFixed(1)} s`];
  }

  result(secondsLeft) {
    const [first, second] = ranked(this.match.state.players);
    const next = `Next round in ${Math.ceil(secondsLeft)} s`;
    if (!first) return ["Round over", next];
    if (second && second.kills === first.kills && second.deaths === first.deaths) return ["A draw", next];
    return [first.seat === this.match.seat ? "You win" : `${this.match.nameOf(first.seat)} wins`, next];
  }

  tables(nowMs) {
    this.short.update(this.match);
    const wanted = this.tableWanted || this.match.phase === "finished";
    show(byId("table"), wanted);
    if (wanted) {
      // Words stand above the table when a round or the match is over.
      const isAlone = this.match.phase !== "finished" && this.status.phase !== "ended";
      byId("table").dataset.alone = isAlone;
      this.full.fit(window.innerHeight * (isAlone ? 0.66 : 0.4) - byId("board").offsetHeight);
      this.full.update(this.match);
      this.board.look(nowMs);
    }
    const own = this.match.state.own;
    say(byId("own-score"), own ? `${own.kills} / ${own.deaths}` : "0 / 0");
  }

  connection(nowMs) {
    const { pingMs, playout, session } = this.match;
    const isPlaying = this.status.phase === "playing";
    say(byId("ping"), isPlaying && pingMs !== null ? `${Math.round(pingMs)} ms` : "-- ms");
    const late = isPlaying && playout ? `${playout.lateMs.toFixed(playout.lateMs < 10 ? 1 : 0)} ms` : "-- ms";
    say(byId("late"), late);
    const lead = isPlaying && session.lead !== null ? session.lead.toFixed(1) : "--";
    byId("connection").title = `Ticks come ${late} late; inputs arrive ${lead} ticks early; ${session.starved ?? 0} were missed`;
    show(byId("lost"), this.status.phase === "waiting" || this.status.phase === "connecting");
    if (this.status.phase === "playing" || this.status.phase === "ended") return;
    this.lost(nowMs);
  }

  lost(nowMs) {
    const { phase, words, retryMs, tries } = this.status;
    if (phase === "connecting") {
      say(byId("lost-title"), words);
      say(byId("lost-words"), "One moment.");
      return;
    }
    const left = Math.max(0, retryMs - (nowMs - this.statusMs)) / 1000;
    say(byId("lost-title"), "Lost the server");
    say(byId("lost-words"), `${words} Trying again in ${left.toFixed(1)} s (try ${tries} of 15). Your seat is kept.`);
  }
}
