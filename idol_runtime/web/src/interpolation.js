// Between two pose frames: a cubic through them that keeps its speed from one pair to the next.
//
// Rotations: the cumulative Bézier curve on unit quaternions of Kim, Kim and Shin (SIGGRAPH 1995),
// with the angular velocity at a frame averaged over the frames beside it, so that it is C1.

const HIPS = 3;

/** Half the rotation vector from quaternion `a` at `i` to `b` at `j`, the short way, seen from `a`; into `out`. */
function turnInto(out, a, i, b, j) {
  const [p, q, r, s] = [-a[i], -a[i + 1], -a[i + 2], a[i + 3]];
  let [x, y, z, w] = [b[j], b[j + 1], b[j + 2], b[j + 3]];
  [x, y, z, w] = [s * x + p * w + q * z - r * y, s * y - p * z + q * w + r * x, s * z + p * y - q * x + r * w, s * w - p * x - q * y - r * z];
  if (w < 0) [x, y, z, w] = [-x, -y, -z, -w];
  const sine = Math.hypot(x, y, z);
  const scale = sine < 1e-9 ? 1 : Math.atan2(sine, w) / sine;
  out[0] = x * scale;
  out[1] = y * scale;
  out[2] = z * scale;
}

/** Turns the quaternion `q` on by `share` of the half rotation vector `v`, in its own frame. */
function turn(q, v, share) {
  const angle = Math.hypot(v[0], v[1], v[2]) * share;
  const scale = Math.abs(angle) < 1e-9 ? share : (Math.sin(angle) / angle) * share;
  const [a, b, c, d] = [v[0] * scale, v[1] * scale, v[2] * scale, Math.cos(angle)];
  const [x, y, z, w] = q;
  q[0] = w * a + x * d + y * c - z * b;
  q[1] = w * b - x * c + y * d + z * a;
  q[2] = w * c + x * b - y * a + z * d;
  q[3] = w * d - x * a - y * b - z * c;
}

/** The way through a frame, per span: the mean of the ways to and from it, or the only one known. */
function through(out, way, beside, pace) {
  for (let k = 0; k < 3; k++) out[k] = pace ? (way[k] + beside[k] * pace) / 2 : way[k];
}

const [way, beside, leave, reach, middle] = Array.from({ length: 5 }, () => new Float64Array(3));
const [mixed, start, end] = Array.from({ length: 3 }, () => new Float64Array(4));

/** The rotation at `at` of a sample; into `mixed`. */
function rotate({ before, from, to, after, pace, t }, at) {
  turnInto(way, from, at, to, at);
  if (pace.before) turnInto(beside, before, at, from, at);
  through(leave, way, beside, pace.before);
  if (pace.after) turnInto(beside, to, at, after, at);
  through(reach, way, beside, pace.after);
  for (let k = 0; k < 4; k++) [start[k], end[k], mixed[k]] = [from[at + k], to[at + k], from[at + k]];
  turn(start, leave, 1 / 3);
  turn(end, reach, -1 / 3);
  turnInto(middle, start, 0, end, 0);
  turn(mixed, leave, (1 - (1 - t) ** 3) / 3);
  turn(mixed, middle, t * t * (3 - 2 * t));
  turn(mixed, reach, t ** 3 / 3);
}

/** Cubic Hermite of number `at` of a sample. */
function move({ before, from, to, after, pace, t }, at) {
  const step = to[at] - from[at];
  const out = pace.before ? (step + (from[at] - before[at]) * pace.before) / 2 : step;
  const into = pace.after ? (step + (after[at] - to[at]) * pace.after) / 2 : step;
  return from[at] + step * t * t * (3 - 2 * t) + out * t * (1 - t) ** 2 - into * t * t * (1 - t);
}

/** Writes a sample of a pose curve (see curves.js) as one frame: quaternions (x, y, z, w), then three metres. */
export function poseInto(out, sample) {
  const hips = out.length - HIPS;
  for (let at = 0; at < hips; at += 4) {
    rotate(sample, at);
    const length = Math.hypot(mixed[0], mixed[1], mixed[2], mixed[3]) || 1;
    for (let k = 0; k < 4; k++) out[at + k] = mixed[k] / length;
  }
  for (let at = hips; at < out.length; at++) out[at] = move(sample, at);
  return out;
}
