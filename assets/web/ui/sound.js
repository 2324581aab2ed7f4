// Short sounds, made here: nothing is loaded. Silent until the player has touched something, as browsers want
// it, and for as long as the player wants it.

import { rememberChoice, rememberedChoice } from "../net/seats.js";

/** wave, from Hz, to Hz, seconds, loudness */
const SOUNDS = {
  shot: ["square", 520, 140, 0.09, 0.05],
  far: ["square", 300, 110, 0.07, 0.018],
  hit: ["triangle", 900, 1300, 0.06, 0.1],
  hurt: ["sawtooth", 190, 60, 0.16, 0.11],
  died: ["sawtooth", 260, 35, 0.4, 0.09],
  heal: ["sine", 520, 1040, 0.18, 0.07],
  tick: ["sine", 660, 660, 0.08, 0.08],
  start: ["sine", 990, 990, 0.25, 0.09],
};
const GAP_MS = 35;

export class Sounds {
  constructor() {
    this.on = rememberedChoice("sound") !== "off";
    this.context = null;
    this.last = new Map();
  }

  toggle() {
    this.on = !this.on;
    rememberChoice("sound", this.on ? "on" : "off");
  }

  /** The player has touched something: sound may begin. */
  wake() {
    if (!this.on || typeof AudioContext === "undefined") return;
    this.context ??= new AudioContext();
    if (this.context.state === "suspended") this.context.resume().catch(() => {});
  }

  play(name) {
    if (!this.on || this.context?.state !== "running") return;
    const nowMs = performance.now();
    if (nowMs - (this.last.get(name) ?? -Infinity) < GAP_MS) return;
    this.last.set(name, nowMs);
    const [wave, from, to, seconds, loudness] = SOUNDS[name];
    const now = this.context.currentTime;
    const tone = this.context.createOscillator();
    const volume = this.context.createGain();
    tone.type = wave;
    tone.frequency.setValueAtTime(from, now);
    tone.frequency.exponentialRampToValueAtTime(to, now + seconds);
    volume.gain.setValueAtTime(loudness, now);
    volume.gain.exponentialRampToValueAtTime(0.0001, now + seconds);
    tone.connect(volume).connect(this.context.destination);
    tone.start(now);
    tone.stop(now + seconds);
  }
}
