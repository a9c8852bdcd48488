// Plays audio chunks gaplessly on an AudioContext and says which media time is sounding.

const GAP_US = 2_000;
const SOON_S = 0.015;

export class Speaker {
  #context;
  #playing = []; // {source, ptsUs, endUs, startS, endS}
  #endUs = 0;
  #endS = 0;

  /** `context`: an AudioContext (or what has its face). */
  constructor(context, rateHz = 24000) {
    this.#context = context;
    this.rateHz = rateHz;
  }

  get isRunning() {
    return this.#context.state === 'running';
  }

  get #latencyS() {
    return this.#context.outputLatency || this.#context.baseLatency || 0;
  }

  /**
   * Schedules samples that belong at `ptsUs` while playback is at `playheadUs`. A chunk that goes on
   * where the last one ended starts exactly there. Returns the seconds until it sounds.
   */
  play(ptsUs, samples, playheadUs) {
    const now = this.#context.currentTime;
    const follows = Math.abs(ptsUs - this.#endUs) <= GAP_US && this.#endS > now;
    const wanted = now + (ptsUs - playheadUs) / 1e6 - this.#latencyS;
    const startS = follows ? this.#endS : Math.max(wanted, now + SOON_S);
    const buffer = this.#context.createBuffer(1, samples.length, this.rateHz);
    buffer.copyToChannel(samples, 0);
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#context.destination);
    source.start(startS);
    const durationS = samples.length / this.rateHz;
    this.#endUs = ptsUs + Math.round(durationS * 1e6);
    this.#endS = startS + durationS;
    const entry = { source, ptsUs, endUs: this.#endUs, startS, endS: this.#endS };
    this.#playing.push(entry);
    source.onended = () => {
      this.#playing = this.#playing.filter((each) => each !== entry);
    };
    return startS + this.#latencyS - now;
  }

  /** Media time of the sound at the ear now; null in silence, when the page's own clock leads. */
  playheadUs() {
    if (!this.isRunning) return null;
    const heardS = this.#context.currentTime - this.#latencyS;
    const now = this.#playing.find((each) => each.startS <= heardS && heardS < each.endS);
    return now ? now.ptsUs + (heardS - now.startS) * 1e6 : null;
  }

  /** Whether sound is sounding or about to. */
  get isAudible() {
    return this.isRunning && this.#playing.some((each) => each.endS > this.#context.currentTime - this.#latencyS);
  }

  /** Silences everything now. */
  hush() {
    for (const { source } of this.#playing) source.stop();
    this.#playing = [];
    this.#endS = 0;
  }

  /** Silences everything later than `ptsUs`. */
  cut(ptsUs) {
    for (const each of this.#playing) {
      if (each.endUs <= ptsUs) continue;
      const stopS = each.startS + Math.max(0, ptsUs - each.ptsUs) / 1e6;
      if (stopS <= this.#context.currentTime || stopS <= each.startS) each.source.stop();
      else each.source.stop(stopS);
      each.endS = Math.min(each.endS, Math.max(stopS, this.#context.currentTime));
    }
    this.#endS = 0;
  }
}
