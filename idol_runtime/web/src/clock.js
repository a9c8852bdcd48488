// The server's media clock as this page sees it, and how far playback stays behind it.

const BEST_OF = 8;
const START_DELAY_US = 100_000;
const MARGIN_US = 40_000;
const MAX_DELAY_US = 600_000;
const SETTLE_US = 200_000;
const MAX_HASTE = 0.25;
const JUMP_US = 500_000;

export class MediaClock {
  #pongs = [];
  #offsetUs = null;
  delayUs = START_DELAY_US;

  /** A pong: the server's clock read `ptsUs` between our `sentUs` and `receivedUs`. */
  heard(sentUs, receivedUs, ptsUs) {
    const roundTripUs = receivedUs - sentUs;
    this.#pongs.push({ roundTripUs, offsetUs: ptsUs - (sentUs + roundTripUs / 2) });
    if (this.#pongs.length > BEST_OF) this.#pongs.shift();
    const best = this.#pongs.reduce((a, b) => (b.roundTripUs < a.roundTripUs ? b : a));
    this.#offsetUs = best.offsetUs;
  }

  get isKnown() {
    return this.#offsetUs !== null;
  }

  get roundTripUs() {
    return this.isKnown ? Math.min(...this.#pongs.map((p) => p.roundTripUs)) : null;
  }

  reset() {
    this.#pongs = [];
    this.#offsetUs = null;
    this.delayUs = START_DELAY_US;
  }

  /** Media that had to play at `ptsUs` came at `nowUs`: late media makes playback wait longer. */
  arrived(ptsUs, nowUs) {
    if (!this.isKnown) return;
    const behindUs = nowUs + this.#offsetUs - ptsUs;
    const needed = Math.min(MAX_DELAY_US, behindUs + MARGIN_US);
    if (needed > this.delayUs) this.delayUs = needed;
  }

  /** Media time that is to be seen and heard at our time `nowUs`; null until the clock is known. */
  playheadUs(nowUs) {
    return this.isKnown ? nowUs + this.#offsetUs - this.delayUs : null;
  }
}

/**
 * The media time on screen. It runs at the display's pace and is pulled gently towards what the sound
 * or the clock says: those come in steps (an audio callback, a pong), and motion would stutter with them.
 */
export class Playhead {
  #atUs = null;
  #nowUs = 0;

  /** Moves on to our time `nowUs`, at which `aimUs` should be seen. Never back, unless far off. */
  follow(aimUs, nowUs) {
    const elapsedUs = Math.max(0, nowUs - this.#nowUs);
    this.#nowUs = nowUs;
    const errorUs = aimUs - (this.#atUs + elapsedUs);
    if (this.#atUs === null || Math.abs(errorUs) > JUMP_US) {
      this.#atUs = aimUs;
    } else {
      const most = MAX_HASTE * elapsedUs;
      const pull = errorUs * (1 - Math.exp(-elapsedUs / SETTLE_US));
      this.#atUs += elapsedUs + Math.min(most, Math.max(-most, pull));
    }
    return this.#atUs;
  }

  reset() {
    this.#atUs = null;
  }
}

/** Things that happen when playback reaches their time. */
export class Cues {
  #waiting = [];

  /** `isSpoken`: it belongs to words, and goes with them when they are hushed. */
  add(ptsUs, act, { isSpoken = false } = {}) {
    this.#waiting.push({ ptsUs, act, isSpoken });
    this.#waiting.sort((a, b) => a.ptsUs - b.ptsUs);
  }

  run(playheadUs) {
    while (this.#waiting.length && this.#waiting[0].ptsUs <= playheadUs) this.#waiting.shift().act();
  }

  dropSpoken() {
    this.#waiting = this.#waiting.filter((cue) => !cue.isSpoken);
  }

  dropAfter(ptsUs) {
    this.#waiting = this.#waiting.filter((cue) => cue.ptsUs <= ptsUs);
  }
}
