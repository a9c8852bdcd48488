// Draws frames of a face and a body on an avatar, with the stage page's own avatar and light.

import * as THREE from 'three';
import { loadAvatar } from './web/src/avatar.js';
import { Hands } from './web/src/hands.js';
import { Scenery } from './web/src/scenery.js';

const BACKGROUND = 0xeceaf4;
const HIPS = 3; // metres at the end of a pose
const canvas = document.getElementById('stage');
const scenery = new Scenery(canvas, { overlay: true });
scenery.scene.background = new THREE.Color(BACKGROUND);
const floor = new THREE.GridHelper(8, 32, 0xb4aecb, 0xcfcadf);
scenery.scene.add(floor);
let avatar = null;

/** A curve's sample that stands at one frame. */
const at = (values) => (values ? { from: values, to: values, pace: { before: 0, after: 0 }, t: 0, fade: 0 } : undefined);

function pose({ face, pose, head, first }, { channels, bones, step }) {
  const sample = { face: at(face), pose: at(pose), channels, bones };
  if (step && !first) {
    avatar.update(step, sample);
  } else {
    avatar.hands = new Hands();
    // Springs hang from where bones were last placed: only a second time do they know this frame alone.
    avatar.enter(sample);
    avatar.enter(sample);
  }
  if (!head) return;
  const [yaw, pitch, roll] = head.map(THREE.MathUtils.degToRad);
  avatar.vrm.humanoid.getNormalizedBoneNode('head').rotation.set(pitch, yaw, roll, 'YXZ');
  avatar.vrm.update(0);
}

function look({ width, height, target, distance, yaw, pitch, fov, follow }, frame) {
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  scenery.resize();
  const { camera } = scenery;
  const [x, y, z] = target;
  const hips = follow && frame.pose ? frame.pose.slice(-HIPS) : [0, 0, 0];
  const centre = new THREE.Vector3(x + hips[0], y < 0 ? avatar.eyeHeight + y : y, z + hips[2]);
  const direction = new THREE.Euler(THREE.MathUtils.degToRad(-pitch), THREE.MathUtils.degToRad(yaw), 0, 'YXZ');
  camera.position.set(0, 0, distance).applyEuler(direction).add(centre);
  camera.lookAt(centre);
  camera.fov = fov;
  camera.updateProjectionMatrix();
}

window.pictures = {
  load: async (url) => {
    avatar = await loadAvatar(url);
    await scenery.admit(avatar.scene);
  },
  /** PNGs as data URLs; a first frame, or any with steps of 0 seconds, begins with hair and skirt at rest. */
  draw: (frames, view, stream) => frames.map((frame) => {
    pose(frame, stream);
    look(view, frame);
    floor.visible = view.floor;
    scenery.renderer.render(scenery.scene, scenery.camera);
    return canvas.toDataURL('image/png');
  }),
};
