// The VRM on stage: loads it, poses it, and moves it by sampled face and pose curves.

import * as THREE from 'three';
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';
import { VRMLoaderPlugin, VRMUtils } from '@pixiv/three-vrm';
import { lerpInto, smooth } from './curves.js';
import { faceOf } from './expressions.js';
import { Hands } from './hands.js';
import { poseInto } from './interpolation.js';
import { standing } from './standing.js';

const FACE_WEIGHTS = 52;
const ARRIVE_S = 0.5;
const REFERENCE_HIPS_M = 0.885; // of the skeleton that the stream's metres are for
const SETTLE_S = 1; // springs hang before she is seen
const CROWN_M = 0.3; // of her hair above the head's joint
const HAND_M = 0.19; // from the wrist to the fingertips
const SOLE_M = 0.08;
const OUTLINE_BEHIND_M = 0.006;
const OUTLINE_SLOPE = 0.7; // where a surface bends away, its outline lies deeper still
const BROWS_BEFORE_M = 0.035;
const BROWS_SEEN = 0.6; // of a brow behind hair
const NEAREST_M = 0.2;
const DEPTH_STEPS = 2 ** 24;
const place = new THREE.Vector3();
const BROW = /brow|mayu|眉/i;

export async function loadAvatar(url) {
  const loader = new GLTFLoader();
  loader.register((parser) => new VRMLoaderPlugin(parser));
  const gltf = await read(loader, url);
  const vrm = gltf.userData.vrm;
  if (!vrm) throw new Error(`Expected a VRM file at ${url}, found a plain glTF; give the character a VRM.`);
  if (!vrm.humanoid) throw new Error(`Expected a figure with bones in ${url}, found none; export it again as a VRM.`);
  VRMUtils.rotateVRM0(vrm);
  drawAsDrawn(vrm.scene);
  return new Avatar(vrm);
}

/** The file, or a sentence that says what is wrong with it: the loader's own words are for programmers. */
async function read(loader, url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`Expected the avatar at ${url}, but the server answered ${response.status}; name a VRM file by \`avatar\` in character.toml.`);
  const file = await response.arrayBuffer();
  try {
    return await loader.parseAsync(file, '');
  } catch (error) {
    throw new Error(`Expected a VRM file at ${url}, but it cannot be read (${error.message}); export it again as VRM 1.0 or 0.x.`);
  }
}

/**
 * As such figures are drawn: outlines are of what stands apart, not of each crease where two surfaces meet, and
 * brows show through the hair before them.
 */
function drawAsDrawn(scene) {
  const meshes = [];
  scene.traverse((object) => { if (object.isMesh) meshes.push(object); });
  for (const mesh of meshes) {
    const materials = [mesh.material].flat();
    for (const material of materials) if (material.isOutline) shiftDepth(mesh, material, OUTLINE_BEHIND_M, OUTLINE_SLOPE);
    const surface = materials.find((material) => !material.isOutline);
    if (BROW.test(surface?.name ?? '')) mesh.parent.add(throughHair(mesh, surface));
  }
}

/** A see-through copy of brows that lies before the fringe, but behind a hand. */
function throughHair(mesh, surface) {
  const { map = null, color = new THREE.Color(1, 1, 1) } = surface;
  const material = new THREE.MeshBasicMaterial({ map, color, transparent: true, opacity: BROWS_SEEN, depthWrite: false, side: surface.side, alphaTest: surface.alphaTest });
  material.name = 'through hair';
  const copy = mesh.clone(false);
  copy.material = material;
  copy.renderOrder = 1;
  copy.frustumCulled = false;
  copy.morphTargetInfluences = mesh.morphTargetInfluences; // one face moves both
  shiftDepth(copy, material, -BROWS_BEFORE_M);
  return copy;
}

/** Draws a material as if it were so much farther away, without moving it in the picture. */
function shiftDepth(mesh, material, metres, slope = 0) {
  material.polygonOffset = true;
  material.polygonOffsetFactor = slope;
  const before = mesh.onBeforeRender;
  mesh.onBeforeRender = function (renderer, scene, camera, geometry, used, group) {
    before.call(this, renderer, scene, camera, geometry, used, group);
    if (used !== material) return;
    place.setFromMatrixPosition(mesh.matrixWorld); // the floor below her: what matters is how far away she stands
    const away = Math.max(NEAREST_M, Math.hypot(camera.position.x - place.x, camera.position.z - place.z));
    material.polygonOffsetUnits = (metres * DEPTH_STEPS * camera.near) / (away * away);
  };
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
  #isTurned;
  #showFace;
  hands = new Hands();
  weights = new Float32Array(FACE_WEIGHTS);

  constructor(vrm) {
    this.vrm = vrm;
    this.#isTurned = vrm.meta?.metaVersion === '0';
    this.#showFace = faceOf((vrm.expressionManager?.expressions ?? []).map(({ expressionName }) => expressionName));
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

  /**
   * World points that belong in the picture: her crown, hands that are raised above `lowest`, and all of her while she dances.
   */
  reach(lowest) {
    const scale = (this.#hipsRest.y || REFERENCE_HIPS_M) / REFERENCE_HIPS_M;
    const at = (name) => this.vrm.humanoid.getRawBoneNode(name)?.getWorldPosition(new THREE.Vector3()) ?? null;
    const dances = this.hands.activity === 'dance';
    const points = [];
    const head = at('head');
    if (head) points.push(head.setY(head.y + CROWN_M * scale));
    for (const side of ['left', 'right']) {
      const [elbow, wrist] = [at(`${side}LowerArm`), at(`${side}Hand`)];
      if (elbow && wrist) {
        const tip = wrist.clone().add(wrist.clone().sub(elbow).setLength(HAND_M * scale));
        if (dances || tip.y > lowest) points.push(tip, elbow);
      }
      const foot = dances ? at(`${side}Foot`) : null;
      if (foot) points.push(foot.setY(foot.y - SOLE_M * scale));
    }
    return points;
  }

  /** How much of what is seen is the stream's, 0 to 1. */
  get streamShare() {
    return this.#streamShare;
  }

  /** World position of a bone, metres [x, y, z]. */
  place(name) {
    return this.vrm.humanoid.getRawBoneNode(name)?.getWorldPosition(new THREE.Vector3()).toArray() ?? [0, 0, 0];
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
    if (this.#isTurned) this.#turnAround();
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
    for (let k = 0; k < FACE_WEIGHTS; k++) this.weights[k] *= share;
    const manager = this.vrm.expressionManager;
    if (!manager || !channels) return;
    const { values, look } = this.#showFace(this.weights, channels);
    for (const [name, value] of Object.entries(values)) manager.setValue(name, value);
    if (look && this.vrm.lookAt) Object.assign(this.vrm.lookAt, look);
  }

  /** The axes of a VRM 0.x are turned half around: what is meant to go forwards goes backwards there. */
  #turnAround() {
    for (const node of this.#bones.values()) {
      if (!node) continue;
      node.quaternion.x *= -1;
      node.quaternion.z *= -1;
    }
    const hips = this.#bone('hips');
    if (!hips) return;
    hips.position.x = 2 * this.#hipsRest.x - hips.position.x;
    hips.position.z = 2 * this.#hipsRest.z - hips.position.z;
  }
}
