// How she stands before her pose stream begins and when it is lost: relaxed, breathing, swaying a little.

/** Radians (x, y, z) per bone; the T-pose is never seen. */
const RELAXED = {
  hips: [0, 0, 0],
  spine: [0.01, 0, 0],
  chest: [-0.02, 0, 0],
  upperChest: [0, 0, 0],
  neck: [0, 0, 0],
  head: [0, 0, 0],
  leftShoulder: [0, 0, -0.06],
  rightShoulder: [0, 0, 0.06],
  leftUpperArm: [0.08, 0.12, -1.2],
  rightUpperArm: [0.08, -0.12, 1.2],
  leftLowerArm: [0, -0.34, -0.06],
  rightLowerArm: [0, 0.34, 0.06],
  leftHand: [0.06, -0.05, -0.08],
  rightHand: [0.06, 0.05, 0.08],
  leftUpperLeg: [0, 0.06, 0.012],
  rightUpperLeg: [0, -0.06, -0.012],
  leftLowerLeg: [0, 0, 0],
  rightLowerLeg: [0, 0, 0],
  leftFoot: [0, 0, 0],
  rightFoot: [0, 0, 0],
  leftToes: [0, 0, 0],
  rightToes: [0, 0, 0],
};

const wave = (s, hz, phase = 0) => Math.sin(2 * Math.PI * (hz * s + phase));

/** What is added at `s` seconds: a breath lifts chest, shoulders and arms, a slow sway goes the other way in the head. */
function life(s) {
  const breath = wave(s, 0.27);
  const sway = 0.6 * wave(s, 0.13) + 0.4 * wave(s, 0.217, 0.1);
  const look = 0.6 * wave(s, 0.11, 0.05) + 0.4 * wave(s, 0.191);
  return {
    spine: [0, 0.012 * look, 0.018 * sway],
    chest: [-0.018 * breath, 0, 0.008 * sway],
    upperChest: [-0.014 * breath, 0, 0],
    neck: [0.014 * breath, 0.02 * look, -0.014 * sway],
    head: [0.012 * breath, 0.03 * look, -0.02 * sway],
    leftShoulder: [0, 0, 0.022 * breath],
    rightShoulder: [0, 0, -0.022 * breath],
    leftUpperArm: [0.02 * sway, 0, 0.02 * breath],
    rightUpperArm: [-0.02 * sway, 0, -0.02 * breath],
    leftLowerArm: [0, -0.03 * breath, 0],
    rightLowerArm: [0, 0.03 * breath, 0],
  };
}

const STILL = [0, 0, 0];

/** Angles [name, x, y, z] of her bones after `s` seconds of standing. */
export function* standing(s) {
  const added = life(s);
  for (const [name, angles] of Object.entries(RELAXED)) {
    const more = added[name] ?? STILL;
    yield [name, angles[0] + more[0], angles[1] + more[1], angles[2] + more[2]];
  }
}
