// The VRM on stage: loads it, poses it, and moves it by sampled face and pose curves.

import * as THREE from 'three';
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';
import { VRMLoaderPlugin, VRMUtils } from '@pixiv/three-vrm';
import { lerpInto, smooth } from './curves.js';
import { Hands } from './hands.js';
import { poseInto } from './interpolation.js';
import { standing } from './standing.js';

const FACE_WEIGHTS = 52;
const ARRIVE_S = 0.5;
const REFERENCE_HIPS_M = 0.885; // of the skeleton that the stream's metres are for
const SETTLE_S = 1; // springs hang before she is seen

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
  #bones = new Map();
  #hipsRest = new THREE.Vector3();
  #angles = new THREE.Euler();
  #own = new THREE.Quaternion();
  #way = new THREE.Vector3();
  #streamed = null; // the last pose of the stream: {names, values}
  #streamShare = 0; // 0 her own standing, 1 the stream's
  #life = 0;
  hands = new Hands();
  weights = new Float32Array(FACE_WEIGHTS);

  constructor(vrm) {
    this.vrm = vrm;
    vrm.scene.traverse((object) => { object.frustumCulled = false; });
    const hips = vrm.humanoid.getNormalizedBoneNode('hips');
    if (hips) this.#hipsRest.copy(hips.position);
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

  /** How much of what is seen is the stream's, 0 to 1. */
  get streamShare() {
    return this.#streamShare;
  }

  /** World position of a bone, metres [x, y, z]. */
  place(name) {
    return this.vrm.humanoid.getRawBoneNode(name).getWorldPosition(new THREE.Vector3()).toArray();
  }

  /** Before she is first seen: takes the stream's pose at once, or her own without one, with hair and skirt at rest. */
  enter(sample) {
    this.#life = 0;
    this.#streamShare = sample.pose ? 1 : 0;
    this.update(0, sample);
    this.vrm.springBoneManager?.reset();
    for (let s = 0; s < SETTLE_S; s += 1 / 30) this.vrm.update(1 / 30);
  }

  /**
   * Moves her on by `dt` seconds. `face`, `pose`: samples of curves (see curves.js) or nothing;
   * `channels`, `bones`: the names their values stand for, from `idol.stream.opened`.
   */
  update(dt, { face, pose, channels, bones }) {
    this.#life += dt;
    this.#stand();
    this.#follow(dt, pose, bones);
    this.#shapeHands(dt);
    this.#applyFace(face, channels);
    this.vrm.update(dt);
  }

  #bone(name) {
    if (!this.#bones.has(name)) this.#bones.set(name, this.vrm.humanoid.getNormalizedBoneNode(name));
    return this.#bones.get(name);
  }

  #stand() {
    for (const [name, x, y, z] of standing(this.#life)) {
      this.#bone(name)?.quaternion.setFromEuler(this.#angles.set(x, y, z));
    }
    this.#bone('hips')?.position.copy(this.#hipsRest);
  }

  /** Eases from her own standing to the stream and back; a stream that is lost lets go from where it was. */
  #follow(dt, pose, bones) {
    if (pose && bones?.length) {
      if (this.#streamed?.values.length !== pose.from.length) this.#streamed = { values: new Float64Array(pose.from.length) };
      this.#streamed.names = bones;
      poseInto(this.#streamed.values, pose);
    }
    const missing = (pose ? 1 - pose.fade : 0) - this.#streamShare;
    this.#streamShare += Math.sign(missing) * Math.min(Math.abs(missing), dt / ARRIVE_S);
    if (this.#streamed && this.#streamShare > 0) this.#mix(this.#streamed, smooth(this.#streamShare));
  }

  #mix({ names, values }, share) {
    names.forEach((name, k) => {
      const node = this.#bone(name);
      if (!node) return;
      this.#own.copy(node.quaternion);
      node.quaternion.fromArray(values, 4 * k);
      if (share < 1) node.quaternion.slerp(this.#own, 1 - share);
    });
    const at = values.length - 3;
    const metres = share * this.#hipsRest.y / REFERENCE_HIPS_M;
    this.#bone('hips')?.position.add(this.#way.set(values[at], values[at + 1], values[at + 2]).multiplyScalar(metres));
  }

  #shapeHands(dt) {
    this.hands.update(dt, { left: this.#raised('left'), right: this.#raised('right') });
    for (const side of ['left', 'right']) {
      for (const [name, x, y, z] of this.hands.rotations(side)) this.#bone(name)?.rotation.set(x, y, z);
    }
  }

  /** Height of a wrist in the last picture: 0 at the hips, 1 at the shoulder. */
  #raised(side) {
    const [hips, shoulder, wrist] = ['hips', `${side}UpperArm`, `${side}Hand`].map((name) => this.place(name)[1]);
    return (wrist - hips) / (shoulder - hips);
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
