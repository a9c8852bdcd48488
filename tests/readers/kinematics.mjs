// Where a motion file puts its joints, by readers that are not ours: three.js for BVH, and
// @pixiv/three-vrm-animation, the reference implementation, for VRM animations.
//
//   node kinematics.mjs bvh FILE TIMES
//   node kinematics.mjs vrma FILE TIMES RIG     RIG: [{name, parent, offset}], a VRM's humanoid
//
// TIMES is a JSON list of seconds. Writes {joint: [[x, y, z] for each time]} as JSON.
import { readFileSync } from "node:fs";
import * as THREE from "three";
import { BVHLoader } from "three/examples/jsm/loaders/BVHLoader.js";
import { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";
import { VRMHumanoid } from "@pixiv/three-vrm";
import { VRMAnimationLoaderPlugin, createVRMAnimationClip } from "@pixiv/three-vrm-animation";

const [kind, file, times, rig] = process.argv.slice(2);

function played(clip, root, joints) {
  const mixer = new THREE.AnimationMixer(root);
  const action = mixer.clipAction(clip);
  action.setLoop(THREE.LoopOnce);
  action.clampWhenFinished = true;
  action.play();
  const places = Object.fromEntries(joints.map(([name]) => [name, []]));
  for (const time of JSON.parse(times)) {
    mixer.setTime(time);
    root.updateMatrixWorld(true);
    for (const [name, joint] of joints)
      places[name].push(joint.getWorldPosition(new THREE.Vector3()).toArray());
  }
  return places;
}

function bvh() {
  // three.js takes a colon in a joint's name for part of the path to it.
  const text = readFileSync(file, "utf8").replace(/:(?=\w)/g, "_");
  const { skeleton, clip } = new BVHLoader().parse(text);
  const named = skeleton.bones.filter((bone) => bone.name !== "ENDSITE");
  return played(clip, skeleton.bones[0], named.map((bone) => [bone.name, bone]));
}

async function vrma() {
  const loader = new GLTFLoader();
  loader.register((parser) => new VRMAnimationLoaderPlugin(parser));
  const bytes = readFileSync(file);
  const content = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { userData } = await loader.parseAsync(content, "");
  const [animation] = userData.vrmAnimations;
  const scene = new THREE.Group();
  const bones = {};
  for (const { name, parent, offset } of JSON.parse(rig)) {
    const node = new THREE.Object3D();
    node.name = name;
    node.position.fromArray(offset);
    (parent ? bones[parent].node : scene).add(node);
    bones[name] = { node };
  }
  scene.updateMatrixWorld(true);
  const humanoid = new VRMHumanoid(bones);
  scene.add(humanoid.normalizedHumanBonesRoot);
  const clip = createVRMAnimationClip(animation, { scene, humanoid, meta: { metaVersion: "1" } });
  // createVRMAnimationClip (3.5.5) turns STEP and CUBICSPLINE rotations into LINEAR; the loader has
  // normalised the keys and kept how three.js goes between them.
  for (const [name, loaded] of animation.humanoidTracks.rotation) {
    const target = `${humanoid.getNormalizedBoneNode(name).name}.quaternion`;
    const track = clip.tracks.find((each) => each.name === target);
    track.createInterpolant = loaded.createInterpolant;
  }
  const joints = Object.keys(bones).map((name) => [name, humanoid.getNormalizedBoneNode(name)]);
  return played(clip, scene, joints);
}

console.log(JSON.stringify(kind === "bvh" ? bvh() : await vrma()));
