import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAudio, decodeFrames, decodeHeader, halfToFloat } from '../../../idol_runtime/web/src/codec.js';

function message(kind, streamId, seq, ptsUs, payload) {
  const view = new DataView(new ArrayBuffer(16 + payload.byteLength));
  view.setUint8(0, 1);
  view.setUint8(1, kind);
  view.setUint16(2, streamId, true);
  view.setUint32(4, seq, true);
  view.setBigUint64(8, BigInt(ptsUs), true);
  new Uint8Array(view.buffer).set(new Uint8Array(payload.buffer), 16);
  return view.buffer;
}

test('a header reads as it was written', () => {
  const header = decodeHeader(message(2, 513, 4_000_000_000, 2 ** 40 + 7, new Uint8Array(1)));
  assert.deepEqual(header, { kind: 'face', streamId: 513, seq: 4_000_000_000, ptsUs: 2 ** 40 + 7 });
});

test('a short message, another version and an unknown kind are named in a sentence', () => {
  assert.throws(() => decodeHeader(new ArrayBuffer(15)), /at least 16 bytes/);
  const bytes = new Uint8Array(16);
  assert.throws(() => decodeHeader(bytes.buffer), /version 1, found 0/);
  bytes.set([1, 9]);
  assert.throws(() => decodeHeader(bytes.buffer), /found kind 9/);
});

test('half floats keep sign, subnormals, one and infinity', () => {
  assert.equal(halfToFloat(0x3c00), 1);
  assert.equal(halfToFloat(0xc000), -2);
  assert.equal(halfToFloat(0x3800), 0.5);
  assert.equal(halfToFloat(0x0001), 2 ** -24);
  assert.equal(halfToFloat(0xfc00), -Infinity);
  assert.ok(Number.isNaN(halfToFloat(0x7e01)));
});

test('frames of one message follow each other at the rate of the stream', () => {
  const values = Float32Array.from({ length: 59 * 3 }, (_, k) => k / 8);
  const buffer = message(2, 2, 0, 1000, values);
  const frames = decodeFrames(buffer, decodeHeader(buffer), { dtype: 'f32', fps: 30 });
  assert.deepEqual(frames.map((f) => f.ptsUs), [1000, 34333, 67667]);
  assert.equal(frames[2].values[58], (59 * 3 - 1) / 8);
});

test('bytes of a face are weights of 255ths and angles around 128', () => {
  const bytes = new Uint8Array(59).fill(128);
  bytes[17] = 255;
  bytes[52] = 255;
  const buffer = message(2, 2, 0, 0, bytes);
  const [{ values }] = decodeFrames(buffer, decodeHeader(buffer), { dtype: 'u8', fps: 30 });
  assert.equal(values[17], 1);
  assert.equal(values[52], 90);
  assert.equal(values[53], 0);
});

test('a payload that is not whole frames is refused', () => {
  const buffer = message(3, 3, 0, 0, new Uint8Array(10));
  assert.throws(() => decodeFrames(buffer, decodeHeader(buffer), { dtype: 'f16', fps: 30 }), /182 bytes, found 10/);
});

test('samples span -1 to 1', () => {
  const buffer = message(1, 1, 0, 0, Int16Array.from([-32768, 0, 16384]));
  assert.deepEqual([...decodeAudio(buffer)], [-1, 0, 0.5]);
});
