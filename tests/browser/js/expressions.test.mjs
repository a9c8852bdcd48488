import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faceOf } from '../../../idol_runtime/web/src/expressions.js';

const CHANNELS = ['jawOpen', 'mouthPucker', 'eyeBlinkLeft', 'eyeBlinkRight', 'mouthSmileLeft', 'mouthSmileRight', 'eyeLookOutLeft', 'eyeLookInRight', 'eyeLookUpLeft', 'eyeLookUpRight'];
const PRESETS = ['happy', 'angry', 'sad', 'relaxed', 'surprised', 'aa', 'ih', 'ou', 'ee', 'oh', 'blink', 'blinkLeft', 'blinkRight', 'neutral'];
const shown = (names, given) => faceOf(names)(Float32Array.from(CHANNELS, (name) => given[name] ?? 0), CHANNELS);

test('a figure with ARKit expressions shows each as it is, however it writes them', () => {
  assert.equal(shown(['JawOpen', 'aa', 'blink', 'EyeLookUpLeft'], { jawOpen: 0.5 }).values.JawOpen, 0.5);
  assert.equal(shown(['jawOpen', 'eyeLookUpLeft'], { jawOpen: 1, mouthPucker: 1 }).look, null);
  assert.equal(shown(['jawOpen', 'aa'], { jawOpen: 1 }).values.aa, undefined);
});

test('any other shows the same by its presets', () => {
  const { values } = shown(PRESETS, { jawOpen: 0.8, eyeBlinkLeft: 1 });
  assert.ok(values.aa > 0.9);
  assert.equal(values.blinkLeft, 1);
  assert.equal(values.blinkRight, 0);
  assert.ok(shown(PRESETS, { mouthPucker: 1 }).values.ou > 0.9);
  assert.ok(shown(PRESETS, { jawOpen: 1, mouthPucker: 1 }).values.oh > 0.9);
  assert.ok(shown(PRESETS, { mouthSmileLeft: 1, mouthSmileRight: 1 }).values.relaxed > 0.5);
  assert.ok(Object.values(shown(PRESETS, Object.fromEntries(CHANNELS.map((name) => [name, 1]))).values).every((value) => value >= 0 && value <= 1));
});

test('what a figure lacks is left out, and one that has next to nothing still blinks', () => {
  assert.deepEqual(Object.keys(shown(['Blink'], { eyeBlinkLeft: 1, eyeBlinkRight: 1 }).values), ['Blink']);
  assert.deepEqual(shown([], { jawOpen: 1 }).values, {});
});

test('eyes that are bones turn to her left and up', () => {
  const { look } = shown(PRESETS, { eyeLookOutLeft: 1, eyeLookInRight: 1, eyeLookUpLeft: 1, eyeLookUpRight: 1 });
  assert.ok(look.yaw > 10 && look.pitch < -10);
  assert.equal(shown([...PRESETS, 'lookUp', 'lookDown', 'lookLeft', 'lookRight'], {}).look, null);
});
