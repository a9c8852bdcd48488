// What the picture holds: her as the viewer framed her, and more where her arms or her steps would leave it.

const MOST_M = 9;
const HALVINGS = 24;
const HOLD_S = 0.9; // a wave goes up and down: the picture does not follow each
const WIDEN_S = 0.16;
const NARROW_S = 1.1;

/**
 * The nearest camera distance, at least `base.distance`, and the aim nearest to `base.height` that show all `points`.
 *
 * `points`: [{x, y, z}] as the camera is turned: x to its right, y up, z towards it, from the axis she stands on.
 * `lens`: {slope, aspect}: tangent of half the height's angle, width over height. `free`: {side, top, bottom}: what half
 * the picture is free of panels, in halves of the picture (1: all of it).
 */
export function frameAround(points, base, lens, free) {
  const heights = (distance) => {
    let low = -Infinity;
    let high = Infinity;
    let fits = true;
    for (const { x, y, z } of points) {
      const half = Math.max(1e-3, distance - z) * lens.slope;
      low = Math.max(low, y - free.top * half);
      high = Math.min(high, y + free.bottom * half);
      fits &&= Math.abs(x) <= free.side * half * lens.aspect;
    }
    return { low, high, fits: fits && low <= high };
  };
  let distance = base.distance;
  if (!heights(distance).fits) {
    let far = MOST_M;
    for (let k = 0; k < HALVINGS; k++) {
      const middle = (distance + far) / 2;
      if (heights(middle).fits) far = middle;
      else distance = middle;
    }
    distance = far;
  }
  const { low, high } = heights(distance);
  return { distance, height: Math.min(Math.max(base.height, low), Math.max(low, high)) };
}

/** Follows what is needed: out at once but softly, back in late and slowly. */
export class Framing {
  #distance = null;
  #height = null;
  #widest = 0;
  #heldS = 0;

  /** Moves on by `dt` seconds towards `wanted`; where the camera is then. */
  follow(dt, wanted) {
    if (this.#distance === null) {
      this.#distance = this.#widest = wanted.distance;
      this.#height = wanted.height;
    }
    this.#heldS += dt;
    if (wanted.distance >= this.#widest) {
      this.#widest = wanted.distance;
      this.#heldS = 0;
    } else if (this.#heldS > HOLD_S) {
      this.#widest += (wanted.distance - this.#widest) * (1 - Math.exp(-dt / NARROW_S));
    }
    const share = 1 - Math.exp(-dt / WIDEN_S);
    const isNarrowing = this.#widest < this.#distance;
    this.#distance += (this.#widest - this.#distance) * share;
    this.#height += (wanted.height - this.#height) * (isNarrowing ? 1 - Math.exp(-dt / NARROW_S) : share);
    return { distance: this.#distance, height: this.#height };
  }

  reset() {
    this.#distance = null;
  }
}
