// Curves on the media clock: frames come in ahead of time, values are sampled at playback time.

const KEEP_US = 1_000_000;
const HOLD_US = 250_000;
const EASE_US = 600_000;

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
   * The two frames around `ptsUs` and where between them it lies; `fade` grows from 0 to 1 once the
   * stream has run dry: hold a moment, then ease to rest. null before the first frame.
   */
  sample(ptsUs) {
    const frames = this.#frames;
    while (frames.length > 2 && frames[1].ptsUs < ptsUs - KEEP_US) frames.shift();
    if (!frames.length || ptsUs < frames[0].ptsUs) return null;
    let k = frames.length - 1;
    while (k > 0 && frames[k].ptsUs > ptsUs) k--;
    const a = frames[k];
    const b = frames[k + 1] ?? a;
    const span = b.ptsUs - a.ptsUs;
    // Over a gap longer than three frames the old value holds, then moves: nobody knows what lay between.
    const t = span ? clamp01((ptsUs - a.ptsUs) / span) : 0;
    const fade = b === a ? smooth(clamp01((ptsUs - a.ptsUs - HOLD_US) / EASE_US)) : 0;
    return { from: a.values, to: b.values, t, fade };
  }
}

export function lerpInto(out, from, to, t, count = out.length) {
  for (let k = 0; k < count; k++) out[k] = from[k] + (to[k] - from[k]) * t;
  return out;
}

/** Spherical interpolation of the quaternion (x, y, z, w) at `at` of two arrays. */
export function slerp(from, to, at, t) {
  let [x, y, z, w] = [to[at], to[at + 1], to[at + 2], to[at + 3]];
  const [a, b, c, d] = [from[at], from[at + 1], from[at + 2], from[at + 3]];
  let cosine = a * x + b * y + c * z + d * w;
  if (cosine < 0) [x, y, z, w, cosine] = [-x, -y, -z, -w, -cosine];
  let [p, q] = [1 - t, t];
  if (cosine < 0.9995) {
    const angle = Math.acos(cosine);
    const sine = Math.sin(angle);
    p = Math.sin((1 - t) * angle) / sine;
    q = Math.sin(t * angle) / sine;
  }
  const mixed = [p * a + q * x, p * b + q * y, p * c + q * z, p * d + q * w];
  const length = Math.hypot(...mixed) || 1;
  return mixed.map((v) => v / length);
}
