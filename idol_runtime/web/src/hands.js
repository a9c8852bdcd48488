// What the fingers do: the pose stream has none, so the hands take a shape from the gesture under way.

const FINGERS = ['Index', 'Middle', 'Ring', 'Little'];
const FIST = { Proximal: 1.35, Intermediate: 1.65, Distal: 1.0 }; // radians
const SPREAD = 0.13; // between neighbours
/** Rotations (x, y, z) of the left thumb stretched away from the hand and folded over a fist, radians. */
const THUMB = {
  Metacarpal: { away: [0.1, 0.1, 0.1], folded: [0.5, 0.45, -0.75] },
  Proximal: { away: [0, -0.05, 0], folded: [0, 0.75, 0] },
  Distal: { away: [0, -0.05, 0], folded: [0, 0.7, 0] },
};

/** Curl of index to little finger (0 straight, 1 a fist), spread (1 a fan), thumb (0 away, 1 folded). */
const shape = (curl, spread, thumb) => Float64Array.of(...curl, spread, thumb);
const RELAXED = shape([0.19, 0.24, 0.28, 0.31], -0.15, 0.3);
const LOOSE = shape([0.1, 0.14, 0.18, 0.16], 0.3, 0.15);
/** `both`: the hands do it together; else only the one that is raised. */
const GESTURES = {
  wave: { shape: shape([0.02, 0, 0.02, 0.06], 1, 0) },
  point: { shape: shape([0, 0.85, 0.9, 0.92], 0, 0.8) },
  think: { shape: shape([0.16, 0.68, 0.76, 0.8], 0, 0.55) },
  clap: { shape: shape([0.03, 0.03, 0.04, 0.06], 0, 0.25), both: true },
  heart: { shape: shape([0.4, 0.42, 0.44, 0.46], -0.1, 0.1), both: true },
  cheer: { shape: shape([1, 1, 1, 1], 0, 1), both: true },
  shrug: { shape: shape([0.05, 0.08, 0.1, 0.12], 0.5, 0.05), both: true },
};
const EASE_S = 0.2;
const RAISED_FROM = 0.08;
const RAISED_TO = 0.3;
const LIFE = { speak: 0.05, dance: 0.05 };
const CALM = 0.02;
const clamp01 = (t) => Math.min(1, Math.max(0, t));
const smooth = (t) => t * t * (3 - 2 * t);

class Hand {
  values = Float64Array.from(RELAXED);
  #from = RELAXED;
  #aim = RELAXED;
  #eased = 1;

  /** Moves towards `aim` by `dt` seconds; a new aim starts from where the hand is. */
  update(dt, aim) {
    if (aim !== this.#aim) {
      this.#from = this.values.slice();
      this.#aim = aim;
      this.#eased = 0;
    }
    this.#eased = Math.min(1, this.#eased + dt / EASE_S);
    const share = smooth(this.#eased);
    for (let k = 0; k < aim.length; k++) this.values[k] = this.#from[k] + (aim[k] - this.#from[k]) * share;
  }
}

export class Hands {
  #hands = { left: new Hand(), right: new Hand() };
  #gesture = null;
  #leftS = 0;
  #life = 0;
  /** What she does, from `idol.activity`. */
  activity = 'idle';

  /** Shapes the hands for a gesture (see `GESTURES` of the protocol) that lasts `seconds`. */
  shape(gesture, seconds) {
    this.#gesture = GESTURES[gesture] ?? null;
    this.#leftS = seconds;
  }

  /** Lets go of the gesture. */
  relax() {
    this.#gesture = null;
  }

  /**
   * Moves on by `dt` seconds. `raised`: how high each wrist is, {left, right}, 0 at the hips and 1 at
   * the shoulders; it tells which hand waves or points.
   */
  update(dt, raised) {
    this.#life += dt;
    this.#leftS -= dt;
    if (this.#leftS <= EASE_S) this.#gesture = null;
    const rest = this.activity === 'dance' ? LOOSE : RELAXED;
    for (const [side, other] of [['left', 'right'], ['right', 'left']]) {
      const does = this.#gesture && (this.#gesture.both || this.#isRaised(side, raised[side] - raised[other]));
      this.#hands[side].update(dt, does ? this.#gesture.shape : rest);
    }
  }

  #wasRaised = { left: false, right: false };

  /** With hysteresis: a hand that began a gesture keeps it while it is anywhere above the other. */
  #isRaised(side, above) {
    this.#wasRaised[side] = above > (this.#wasRaised[side] ? RAISED_FROM : RAISED_TO);
    return this.#wasRaised[side];
  }

  /** Rotations of one hand's fingers: [bone name, x, y, z] in radians, for `side` left or right. */
  *rotations(side) {
    const { values } = this.#hands[side];
    const sign = side === 'left' ? 1 : -1;
    for (let k = 0; k < FINGERS.length; k++) {
      const curl = values[k] + this.#breath(side, k);
      const fan = -sign * SPREAD * (1.5 - k) * values[4] * (1 - clamp01(values[k]));
      for (const [part, angle] of Object.entries(FIST)) {
        yield [`${side}${FINGERS[k]}${part}`, 0, part === 'Proximal' ? fan : 0, -sign * angle * curl];
      }
    }
    for (const [part, { away, folded }] of Object.entries(THUMB)) {
      const [x, y, z] = away.map((angle, k) => angle + (folded[k] - angle) * values[5]);
      yield [`${side}Thumb${part}`, x, sign * y, sign * z];
    }
  }

  /** A slow noise of a few sines that never meet again; more of it while she speaks or dances. */
  #breath(side, finger) {
    const at = this.#life * (1 + 0.07 * finger) + (side === 'left' ? 0 : 17);
    const amount = LIFE[this.activity] ?? CALM;
    return amount * (0.6 * Math.sin(1.9 * at + 0.7 * finger) + 0.4 * Math.sin(3.11 * at + 1.3 * finger));
  }
}
