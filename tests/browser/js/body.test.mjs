import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Playhead } from '../../../idol_runtime/web/src/clock.js';
import { Curve } from '../../../idol_runtime/web/src/curves.js';
import { Hands } from '../../../idol_runtime/web/src/hands.js';
import { poseInto } from '../../../idol_runtime/web/src/interpolation.js';
import { standing } from '../../../idol_runtime/web/src/standing.js';

const FRAME_US = 1e6 / 30;
const LIFTED = { left: 0, right: 1 };

/** An arm that waves twice a second while it turns; quaternion (x, y, z, w), then metres. */
function waving(s) {
  const [a, b] = [0.35 * Math.sin(4 * Math.PI * s), 0.2 * Math.sin(2.6 * Math.PI * s + 1)];
  const turn = [Math.sin(b) * Math.cos(a), Math.sin(b) * Math.sin(a), Math.cos(b) * Math.sin(a), Math.cos(b) * Math.cos(a)];
  return Float64Array.of(...turn, 0.1 * Math.sin(5 * s), 0.9, 0.02 * s);
}

function curveOf(motion, seconds) {
  const curve = new Curve();
  for (let k = 0; k < seconds * 30; k++) curve.push({ ptsUs: Math.round(k * FRAME_US), values: motion(k / 30) });
  return curve;
}

const at = (curve, s) => poseInto(new Float64Array(7), curve.sample(s * 1e6));
const degrees = (a, b) => (360 / Math.PI) * Math.acos(Math.min(1, Math.abs(a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3])));

/** The largest change of the turning speed from one picture to the next, degrees a second. */
function roughness(poses, hz) {
  const speeds = poses.slice(1).map((pose, k) => degrees(pose, poses[k]) * hz);
  return Math.max(...speeds.slice(1).map((speed, k) => Math.abs(speed - speeds[k])));
}

test('a pose goes through its frames and stays a rotation between them', () => {
  for (let k = 3, curve = curveOf(waving, 2); k < 50; k++) assert.ok(degrees(at(curve, Math.round(k * FRAME_US) / 1e6), waving(k / 30)) < 0.05);
  for (let s = 0.2, curve = curveOf(waving, 2); s < 1.5; s += 0.0071) assert.ok(Math.abs(Math.hypot(...at(curve, s).subarray(0, 4)) - 1) < 1e-9);
});

test('a display faster than the stream sees the motion itself, not its corners', () => {
  for (const hz of [60, 144]) {
    const curve = curveOf(waving, 3);
    const times = Array.from({ length: 2 * hz }, (_, n) => 0.3 + n / hz);
    const shown = times.map((s) => at(curve, s));
    const meant = times.map(waving);
    assert.ok(Math.max(...shown.map((pose, n) => degrees(pose, meant[n]))) < 0.1);
    assert.ok(Math.max(...shown.map((pose, n) => Math.abs(pose[4] - meant[n][4]))) < 1e-4);
    assert.ok(roughness(shown, hz) < 1.15 * roughness(meant, hz));
  }
});

test('what stands still in two frames hardly moves between them, though it came fast', () => {
  const landed = (s) => Float64Array.of(0, 0, 0, 1, Math.min(0, s - 1), 0, 0);
  const curve = curveOf(landed, 2);
  for (let s = 1; s < 1.5; s += 0.003) assert.ok(Math.abs(at(curve, s)[4]) < 0.006);
});

test('a sign that flips between frames does not turn the bone around', () => {
  const flipped = (s) => waving(s).map((v, k) => (k < 4 && Math.round(s * 30) % 2 ? -v : v));
  const [curve, same] = [curveOf(flipped, 1), curveOf(waving, 1)];
  for (let s = 0.2; s < 0.8; s += 0.01) assert.ok(degrees(at(curve, s), at(same, s)) < 1e-3);
});

test('the time on screen runs evenly though the sound tells it in steps', () => {
  const playhead = new Playhead();
  const shown = [];
  for (let n = 0; n < 300; n++) {
    const nowUs = n * 1e6 / 60;
    shown.push(playhead.follow(5e6 + Math.floor(nowUs / 21333) * 21333, nowUs));
  }
  const steps = shown.slice(1).map((us, n) => us - shown[n]).slice(60);
  assert.ok(Math.max(...steps) < 18_500 && Math.min(...steps) > 14_800);
  assert.ok(Math.abs(shown.at(-1) - (5e6 + 299e6 / 60 - 10_667)) < 6_000);
});

test('a step back slows the time on screen and never turns it round; a far step is taken at once', () => {
  const playhead = new Playhead();
  playhead.follow(1e6, 0);
  let [last, nowUs] = [1e6, 0];
  for (let n = 1; n < 120; n++) {
    nowUs = n * 1e6 / 60;
    const us = playhead.follow(1e6 + nowUs - 100_000, nowUs);
    assert.ok(us > last);
    last = us;
  }
  assert.ok(Math.abs(last - (1e6 + nowUs - 100_000)) < 2_000);
  assert.equal(playhead.follow(60e6, nowUs + 16_667), 60e6);
});

const bends = (hands, side) => Object.fromEntries([...hands.rotations(side)].map(([name, x, y, z]) => [name, { x, y, z }]));
const curl = (hands, side, finger) => Math.abs(bends(hands, side)[`${side}${finger}Proximal`].z);

test('the raised hand points and the other stays relaxed', () => {
  const hands = new Hands();
  hands.update(0.1, LIFTED);
  const before = curl(hands, 'left', 'Middle');
  hands.shape('point', 2);
  for (let n = 0; n < 30; n++) hands.update(1 / 60, LIFTED);
  assert.ok(curl(hands, 'right', 'Index') < 0.1);
  assert.ok(curl(hands, 'right', 'Middle') > 1);
  assert.ok(Math.abs(curl(hands, 'left', 'Middle') - before) < 0.1);
});

test('a wave opens and fans the hand', () => {
  const hands = new Hands();
  hands.shape('wave', 2);
  for (let n = 0; n < 30; n++) hands.update(1 / 60, LIFTED);
  const { rightIndexProximal: index, rightLittleProximal: little } = bends(hands, 'right');
  assert.ok(index.y - little.y > 0.3);
  assert.ok(Math.abs(index.z) < 0.1);
});

test('a shape eases in and out, and ends with its gesture or when it is let go', () => {
  for (const cut of [false, true]) {
    const hands = new Hands();
    const fist = [];
    hands.shape('cheer', 1);
    for (let n = 0; n < 120; n++) {
      if (cut && n === 40) hands.relax();
      hands.update(1 / 60, { left: 1, right: 1 });
      fist.push(curl(hands, 'left', 'Index'));
    }
    const steps = fist.slice(1).map((bend, n) => Math.abs(bend - fist[n]));
    assert.ok(Math.max(...steps) < 0.25);
    assert.ok(fist[30] > 1.2);
    assert.ok(fist.at(-1) < 0.5);
    assert.equal(fist[53] < 0.6, cut);
  }
});

test('fingers breathe more while she speaks, and never stop', () => {
  const range = (activity) => {
    const hands = new Hands();
    hands.activity = activity;
    const seen = Array.from({ length: 600 }, () => (hands.update(1 / 60, { left: 0, right: 0 }), curl(hands, 'left', 'Ring')));
    return Math.max(...seen) - Math.min(...seen);
  };
  assert.ok(range('idle') > 0.02);
  assert.ok(range('speak') > 2 * range('idle'));
});

test('she moves from her first moment on, before any stream', () => {
  const [before, after] = [0, 0.5].map((s) => new Map([...standing(s)].map(([name, ...angles]) => [name, angles])));
  const moved = (name) => Math.max(...before.get(name).map((angle, k) => Math.abs(angle - after.get(name)[k])));
  for (const name of ['chest', 'head', 'leftUpperArm', 'rightShoulder']) assert.ok(moved(name) > 0.005, name);
  for (const name of ['leftUpperLeg', 'rightFoot']) assert.equal(moved(name), 0);
});
