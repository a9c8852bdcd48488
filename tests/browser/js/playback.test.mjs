import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cues, MediaClock } from '../../../idol_runtime/web/src/clock.js';
import { Curve, lerpInto } from '../../../idol_runtime/web/src/curves.js';
import { Speaker } from '../../../idol_runtime/web/src/speaker.js';

const frame = (ptsUs, value) => ({ ptsUs, values: Float32Array.of(value) });

class FakeAudioContext {
  state = 'running';
  currentTime = 10;
  outputLatency = 0.05;
  started = [];
  createBuffer(channels, length) {
    return { length, copyToChannel() {} };
  }
  createBufferSource() {
    const source = { connect() {}, start: (at) => { source.at = at; this.started.push(source); }, stop: (at) => { source.stopped = at ?? this.currentTime; } };
    return source;
  }
}

test('a curve is sampled between the frames around playback time', () => {
  const curve = new Curve();
  curve.push(frame(0, 0));
  curve.push(frame(100_000, 1));
  const s = curve.sample(25_000);
  assert.equal(lerpInto(new Float32Array(1), s.from, s.to, s.t)[0], 0.25);
  assert.equal(s.fade, 0);
});

test('nothing is shown before the first frame is due', () => {
  const curve = new Curve();
  assert.equal(curve.sample(0), null);
  curve.push(frame(500, 1));
  assert.equal(curve.sample(499), null);
});

test('a dry stream holds its last frame, then eases to rest', () => {
  const curve = new Curve();
  curve.push(frame(0, 1));
  assert.equal(curve.sample(200_000).fade, 0);
  const half = curve.sample(550_000).fade;
  assert.ok(half > 0.4 && half < 0.6);
  assert.equal(curve.sample(2_000_000).fade, 1);
});

test('frames told anew replace the old plan', () => {
  const curve = new Curve();
  [0, 10, 20, 30].forEach((pts) => curve.push(frame(pts, 1)));
  curve.push(frame(15, 5));
  assert.equal(curve.size, 3);
  assert.equal(curve.lastPtsUs, 15);
});

test('the clock trusts the pong with the shortest round trip', () => {
  const clock = new MediaClock();
  assert.equal(clock.playheadUs(0), null);
  clock.heard(0, 80_000, 1_040_000);
  clock.heard(100_000, 104_000, 1_150_000);
  clock.heard(200_000, 290_000, 1_400_000);
  assert.equal(clock.playheadUs(102_000), 1_150_000 - clock.delayUs);
});

test('late media makes playback wait longer, early media does not shorten the wait', () => {
  const clock = new MediaClock();
  clock.heard(0, 0, 0);
  clock.arrived(500_000, 300_000);
  assert.equal(clock.delayUs, 100_000);
  clock.arrived(500_000, 620_000);
  assert.equal(clock.delayUs, 160_000);
});

test('cues run in their order when playback reaches them and are dropped by a cut', () => {
  const cues = new Cues();
  const ran = [];
  cues.add(30, () => ran.push(30));
  cues.add(10, () => ran.push(10));
  cues.add(20, () => ran.push(20));
  cues.run(15);
  cues.dropAfter(25);
  cues.run(100);
  assert.deepEqual(ran, [10, 20]);
});

test('chunks that follow each other start exactly where the last one ends', () => {
  const context = new FakeAudioContext();
  const speaker = new Speaker(context);
  const chunk = new Float32Array(2400);
  assert.ok(Math.abs(speaker.play(1_000_000, chunk, 900_000) - 0.1) < 1e-9);
  context.currentTime += 0.02;
  speaker.play(1_100_000, chunk, 900_000);
  assert.ok(Math.abs(context.started[1].at - context.started[0].at - 0.1) < 1e-9);
});

test('the sound at the ear says which media time is playing', () => {
  const context = new FakeAudioContext();
  const speaker = new Speaker(context);
  speaker.play(1_000_000, new Float32Array(24000), 900_000);
  assert.equal(speaker.playheadUs(), null);
  context.currentTime += 0.35;
  assert.ok(Math.abs(speaker.playheadUs() - 1_250_000) < 1);
});

test('a cut silences what comes later and lets the rest be heard', () => {
  const context = new FakeAudioContext();
  const speaker = new Speaker(context);
  speaker.play(1_000_000, new Float32Array(12000), 900_000);
  speaker.play(1_500_000, new Float32Array(12000), 900_000);
  speaker.cut(1_250_000);
  const [first, second] = context.started;
  assert.ok(Math.abs(first.stopped - (first.at + 0.25)) < 1e-9);
  assert.equal(second.stopped, context.currentTime);
});
