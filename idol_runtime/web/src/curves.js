// Curves on the media clock: frames come in ahead of time, values are sampled at playback time.

const KEEP_US = 1_000_000;
const HOLD_US = 250_000;
const EASE_US = 600_000;
const LOST = 3.5; // spans this unequal have frames missing between them

export const smooth = (t) => t * t * (3 - 2 * t);
const clamp01 = (t) => Math.min(1, Math.max(0, t));

/** Frames of one stream in order of their time. */
export class Curve {
  #frames = [];

  /** A frame replaces what was told of its time and later: a stream may be re-planned. */
  push(frame) {
    const last = this.#frames.at(-1);
    if (last && frame.ptsUs <= last.ptsUs) this.dropFrom(frame.ptsUs);
    this.#frames.push(frame);
  }

  /** Forgets frames at `ptsUs` and later. */
  dropFrom(ptsUs) {
    while (this.#frames.length && this.#frames.at(-1).ptsUs >= ptsUs) this.#frames.pop();
  }

  clear() {
    this.#frames.length = 0;
  }

  get size() {
    return this.#frames.length;
  }

  get lastPtsUs() {
    return this.#frames.at(-1)?.ptsUs ?? null;
  }

  /**
   * The two frames around `ptsUs`, where between them it lies, and the frames beside them; `pace` is
   * the span between the two over the span to each neighbour, 0 where there is none or time was
   * lost between. `fade` grows from 0 to 1 once the stream has run dry: hold a moment, then ease to
   * rest. null before the first frame.
   */
  sample(ptsUs) {
    const frames = this.#frames;
    while (frames.length > 2 && frames[1].ptsUs < ptsUs - KEEP_US) frames.shift();
    if (!frames.length || ptsUs < frames[0].ptsUs) return null;
    let k = frames.length - 1;
    while (k > 0 && frames[k].ptsUs > ptsUs) k--;
    const [before, a, b, after] = [frames[k - 1], frames[k], frames[k + 1] ?? frames[k], frames[k + 2]];
    const span = b.ptsUs - a.ptsUs;
    const t = span ? clamp01((ptsUs - a.ptsUs) / span) : 0;
    const fade = b === a ? smooth(clamp01((ptsUs - a.ptsUs - HOLD_US) / EASE_US)) : 0;
    const pace = { before: paceOf(span, a, before), after: paceOf(span, after, b) };
    return { before: before?.values, from: a.values, to: b.values, after: after?.values, pace, t, fade };
  }
}

function paceOf(span, later, earlier) {
  if (!later || !earlier) return 0;
  const pace = span / (later.ptsUs - earlier.ptsUs);
  return pace > 1 / LOST && pace < LOST ? pace : 0;
}

export function lerpInto(out, from, to, t, count = out.length) {
  for (let k = 0; k < count; k++) out[k] = from[k] + (to[k] - from[k]) * t;
  return out;
}
