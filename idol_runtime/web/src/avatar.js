// The VRM on stage: loads it, poses it, and moves it by sampled face and pose curves.

import * as THREE from 'three';
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';
import { VRMLoaderPlugin, VRMUtils } from '@pixiv/three-vrm';
import { lerpInto, slerp } from './curves.js';

const FACE_WEIGHTS = 52;
const HAND = ['Index', 'Middle', 'Ring', 'Little'];
const CURL = { Proximal: 0.34, Intermediate: 0.46, Distal: 0.30 };
const ARRIVE_S = 0.5;

/** Relaxed standing, radians (x, y, z) per bone; the T-pose is never seen. */
const RELAXED = {
  spine: [0.01, 0, 0],
  chest: [-0.02, 0, 0],
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
};

export async function loadAvatar(url) {
  const loader = new GLTFLoader();
  loader.register((parser) => new VRMLoaderPlugin(parser));
  const gltf = await loader.loadAsync(url);
  const vrm = gltf.userData.vrm;
  if (!vrm) throw new Error(`Expected a VRM file at ${url}, found a plain glTF; give the character a VRM.`);
  VRMUtils.rotateVRM0(vrm);
  return new Avatar(vrm);
}

export class Avatar {
  #relaxed = new Map();
  #bones = new Map();
  #hipsRest = new THREE.Vector3();
  #target = new THREE.Quaternion();
  #streamShare = 0; // 0 her own relaxed pose, 1 the stream's
  #life = 0;
  weights = new Float32Array(FACE_WEIGHTS);

  constructor(vrm) {
    this.vrm = vrm;
    vrm.scene.traverse((object) => { object.frustumCulled = false; });
    for (const [name, angles] of Object.entries(RELAXED)) {
      this.#relaxed.set(name, new THREE.Quaternion().setFromEuler(new THREE.Euler(...angles)));
    }
    const hips = vrm.humanoid.getNormalizedBoneNode('hips');
    if (hips) this.#hipsRest.copy(hips.position);
    this.#curlFingers();
    this.update(0, {});
    vrm.springBoneManager?.reset();
  }

  get scene() {
    return this.vrm.scene;
  }

  /** World height of the eyes, metres; what the camera frames. */
  get eyeHeight() {
    const head = this.vrm.humanoid.getRawBoneNode('head');
    return head ? head.getWorldPosition(new THREE.Vector3()).y + 0.085 : 1.45;
  }

  /**
   * Moves her on by `dt` seconds. `face`, `pose`: samples of curves (see curves.js) or nothing;
   * `channels`, `bones`: the names their values stand for, from `idol.stream.opened`.
   */
  update(dt, { face, pose, channels, bones }) {
    this.#life += dt;
    this.#applyPose(dt, pose, bones);
    this.#applyFace(face, channels);
    this.vrm.update(dt);
  }

  #bone(name) {
    if (!this.#bones.has(name)) this.#bones.set(name, this.vrm.humanoid.getNormalizedBoneNode(name));
    return this.#bones.get(name);
  }

  #curlFingers() {
    for (const [side, sign] of [['left', 1], ['right', -1]]) {
      HAND.forEach((finger, k) => {
        for (const [part, angle] of Object.entries(CURL)) {
          const node = this.#bone(`${side}${finger}${part}`);
          if (node) node.rotation.set(0, sign * 0.02 * (1.5 - k), -sign * angle * (0.72 + 0.16 * k));
        }
      });
      this.#bone(`${side}ThumbMetacarpal`)?.rotation.set(0.25, sign * 0.28, -sign * 0.1);
      this.#bone(`${side}ThumbProximal`)?.rotation.set(0, sign * 0.2, 0);
    }
  }

  #applyPose(dt, pose, bones) {
    const aim = pose ? 1 - pose.fade : 0;
    this.#streamShare += Math.sign(aim - this.#streamShare) * Math.min(Math.abs(aim - this.#streamShare), dt / ARRIVE_S);
    const share = pose ? this.#streamShare : 0;
    const names = bones?.length ? bones : [...this.#relaxed.keys()];
    const breath = Math.sin(this.#life * 1.7);
    names.forEach((name, k) => {
      const node = this.#bone(name);
      if (!node) return;
      const rest = this.#relaxed.get(name);
      if (rest) node.quaternion.copy(rest);
      else node.quaternion.identity();
      if (name === 'chest') node.quaternion.multiply(this.#target.set(0.008 * breath, 0, 0, 1).normalize());
      if (share > 0 && pose.from.length >= 4 * k + 4) {
        this.#target.fromArray(slerp(pose.from, pose.to, 4 * k, pose.t));
        node.quaternion.slerp(this.#target, share);
      }
    });
    const hips = this.#bone('hips');
    if (!hips) return;
    hips.position.copy(this.#hipsRest);
    if (share > 0) {
      const at = pose.from.length - 3;
      for (const [k, axis] of ['x', 'y', 'z'].entries()) {
        hips.position[axis] += share * (pose.from[at + k] + (pose.to[at + k] - pose.from[at + k]) * pose.t);
      }
    }
  }

  #applyFace(face, channels) {
    if (face) lerpInto(this.weights, face.from, face.to, face.t, FACE_WEIGHTS);
    else this.weights.fill(0);
    const share = face ? 1 - face.fade : 1;
    const manager = this.vrm.expressionManager;
    if (!manager || !channels) return;
    for (let k = 0; k < FACE_WEIGHTS; k++) {
      this.weights[k] *= share;
      manager.setValue(channels[k], this.weights[k]);
    }
  }
}
