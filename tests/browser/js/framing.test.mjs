import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Framing, frameAround } from '../../../idol_runtime/web/src/framing.js';

const base = { distance: 1.7, height: 1.35 };
const lens = { slope: Math.tan((24 * Math.PI) / 360), aspect: 1.5 };
const free = { side: 0.6, top: 0.94, bottom: 0.75 };
const face = { x: 0, y: 1.6, z: 0.1 };

/** Whether a point is in the part of the picture that no panel covers. */
const isSeen = ({ x, y, z }, { distance, height }) => {
  const half = (distance - z) * lens.slope;
  const up = (y - height) / half;
  return Math.abs(x) <= free.side * half * lens.aspect + 1e-6 && up <= free.top + 1e-6 && up >= -free.bottom - 1e-6;
};

test('what is seen as it is leaves the camera where the viewer put it', () => {
  assert.deepEqual(frameAround([face], base, lens, free), base);
  assert.deepEqual(frameAround([], base, lens, free), base);
});

test('raised arms and a whole dance come into the picture, no farther off than it takes', () => {
  const wave = [face, { x: 0.62, y: 1.75, z: 0.2 }];
  const dance = [face, { x: -0.8, y: 1.2, z: 0 }, { x: 0.3, y: 0, z: 0.2 }, { x: -0.2, y: 0, z: -0.3 }, { x: 0.4, y: 2.05, z: 0 }];
  for (const points of [wave, dance]) {
    const framed = frameAround(points, base, lens, free);
    assert.ok(framed.distance > base.distance);
    assert.ok(points.every((point) => isSeen(point, framed)));
    const heights = Array.from({ length: 200 }, (_, k) => framed.height + (k - 100) / 200);
    const isEnough = heights.some((height) => points.every((point) => isSeen(point, { distance: framed.distance - 0.05, height })));
    assert.ok(!isEnough);
  }
});

test('a picture with hardly any room stays sane', () => {
  const framed = frameAround([face, { x: 3, y: 0, z: 0 }], base, { ...lens, aspect: 0.2 }, { side: 0.05, top: 0.1, bottom: 0.1 });
  assert.ok(framed.distance <= 9 && Number.isFinite(framed.height));
});

test('the camera moves out at once and evenly, and back only when nothing needs the room any more', () => {
  const framing = new Framing();
  const near = { distance: 1.7, height: 1.35 };
  const far = { distance: 3, height: 1.2 };
  assert.deepEqual(framing.follow(1 / 60, near), near);
  let last = near;
  for (let k = 0; k < 30; k++) {
    const now = framing.follow(1 / 60, far);
    assert.ok(now.distance >= last.distance && now.distance - last.distance < 0.15);
    last = now;
  }
  assert.ok(last.distance > 2.9);
  for (let k = 0; k < 48; k++) last = framing.follow(1 / 60, k % 24 < 12 ? near : far); // a wave goes up and down
  assert.ok(last.distance > 2.9);
  for (let k = 0; k < 400; k++) {
    const now = framing.follow(1 / 60, near);
    assert.ok(now.distance <= last.distance + 1e-3 && last.distance - now.distance < 0.05);
    last = now;
  }
  assert.ok(Math.abs(last.distance - near.distance) < 0.05);
});
