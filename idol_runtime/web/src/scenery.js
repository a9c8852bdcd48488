// What surrounds her: renderer, light, a round stage with a soft shadow, drifting motes, the camera.

import * as THREE from 'three';
import { OrbitControls } from 'three/addons/controls/OrbitControls.js';
import { Framing, frameAround } from './framing.js';

const NEAR_M = 0.62;
const FAR_M = 3.9;
const START_M = 1.7;
const CLOSE_UP_M = 1.2; // nearer, the viewer wants her face, whatever her hands do
const MARGIN = 0.06; // of half the picture, around what is framed
const MOTES = 46;

function softTexture(stops, size = 256) {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size;
  const pen = canvas.getContext('2d');
  const fill = pen.createRadialGradient(size / 2, size / 2, 0, size / 2, size / 2, size / 2);
  for (const [at, colour] of stops) fill.addColorStop(at, colour);
  pen.fillStyle = fill;
  pen.fillRect(0, 0, size, size);
  const texture = new THREE.CanvasTexture(canvas);
  texture.colorSpace = THREE.SRGBColorSpace;
  return texture;
}

function disc(radius, height, stops) {
  const material = new THREE.MeshBasicMaterial({ map: softTexture(stops), transparent: true, depthWrite: false });
  const mesh = new THREE.Mesh(new THREE.CircleGeometry(radius, 64), material);
  mesh.rotation.x = -Math.PI / 2;
  mesh.position.y = height;
  return mesh;
}

export class Scenery {
  #motes = null;
  #framing = new Framing();
  #shift = 0; // of the picture's middle, pixels: she stands between the panels
  /** What panels cover, pixels from each edge. */
  panels = { left: 0, right: 0, top: 0, bottom: 0 };
  /** World points that the picture must hold: `() => {x, y, z}[]`, given the lowest height that is seen. */
  reach = () => [];

  constructor(canvas, { overlay }) {
    this.overlay = overlay;
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true, premultipliedAlpha: true });
    this.renderer.setClearColor(0x000000, 0);
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(24, 1, 0.05, 30);
    this.chosen = this.camera.clone(); // what the viewer chose, before it is widened
    this.#light();
    if (!overlay) this.#stage();
    this.#orbit(canvas);
    this.frozen = false;
    this.held = false;
    this.drawn = true;
    this.eyeHeight = 1.45;
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
    this.home();
  }

  /** Together a little less than 1: what is white stays below the brightest a screen can show, and keeps its folds. */
  #light() {
    const key = new THREE.DirectionalLight(0xfffaf4, Math.PI * 0.82);
    key.position.set(0.55, 1.25, 1.5);
    this.scene.add(key, new THREE.AmbientLight(0xf2eaff, Math.PI * 0.155));
  }

  #stage() {
    const platform = disc(1.35, 0.0, [
      [0, 'rgba(255,255,255,0.75)'], [0.55, 'rgba(236,222,255,0.55)'], [0.93, 'rgba(214,190,255,0.30)'],
      [0.955, 'rgba(255,255,255,0.95)'], [0.975, 'rgba(255,170,210,0.75)'], [1, 'rgba(255,170,210,0)'],
    ]);
    const shadow = disc(0.42, 0.004, [[0, 'rgba(70,40,110,0.50)'], [0.45, 'rgba(70,40,110,0.26)'], [1, 'rgba(70,40,110,0)']]);
    platform.renderOrder = -2;
    shadow.renderOrder = -1;
    const places = new Float32Array(MOTES * 3).map((_, k) => (k % 3 === 1 ? 2.4 * ((k * 0.618) % 1) : 3 * ((k * 0.7548) % 1) - 1.5 - (k % 3 === 2 ? 0.6 : 0)));
    const geometry = new THREE.BufferGeometry().setAttribute('position', new THREE.BufferAttribute(places, 3));
    const glow = softTexture([[0, 'rgba(255,255,255,0.95)'], [0.3, 'rgba(255,235,250,0.5)'], [1, 'rgba(255,225,245,0)']], 64);
    this.#motes = new THREE.Points(geometry, new THREE.PointsMaterial({ map: glow, size: 0.045, transparent: true, depthWrite: false }));
    this.scene.add(platform, shadow, this.#motes);
  }

  #orbit(canvas) {
    const orbit = new OrbitControls(this.chosen, canvas);
    Object.assign(orbit, {
      enablePan: false, enableDamping: true, dampingFactor: 0.08, minDistance: NEAR_M, maxDistance: FAR_M,
      minPolarAngle: 1.05, maxPolarAngle: 1.72, minAzimuthAngle: -1.2, maxAzimuthAngle: 1.2, rotateSpeed: 0.5, zoomSpeed: 0.8,
    });
    this.orbit = orbit;
  }

  /** The bust, seen from the front and a little below the eyes. */
  home() {
    this.orbit.target.set(0, this.#targetHeight(START_M), 0);
    this.chosen.position.set(0, this.orbit.target.y + 0.03, START_M);
    this.chosen.lookAt(this.orbit.target);
    this.#framing.reset();
    this.#frame(0);
  }

  /** Close up the face is in the middle, far away the whole figure. */
  #targetHeight(distance) {
    const t = Math.min(1, Math.max(0, (distance - NEAR_M) / (FAR_M - NEAR_M)));
    return this.eyeHeight - 0.02 - (this.eyeHeight - 0.82) * t ** 1.5;
  }

  /** Brings an object on stage once its shaders are compiled and its textures are up: its first pictures must not stall. */
  async admit(object) {
    await this.renderer.compileAsync(object, this.camera, this.scene);
    this.scene.add(object);
    this.renderer.render(this.scene, this.camera);
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.renderer.domElement;
    if (!width || !height) return;
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2));
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    // A narrow window keeps the shoulders in view.
    this.camera.fov = this.chosen.fov = width < height ? 30 : 24;
    this.camera.updateProjectionMatrix();
  }

  render(dt) {
    if (!this.frozen) {
      this.orbit.target.y = this.#targetHeight(this.orbit.getDistance());
      this.orbit.update(dt);
      this.#frame(dt);
      this.#drift(dt);
    }
    this.renderer.render(this.scene, this.camera);
  }

  /** Where a world point is in the picture: [-1, 1] from left to right and from bottom to top. */
  inPicture(x, y, z) {
    const { x: across, y: up } = new THREE.Vector3(x, y, z).project(this.camera);
    return [across, up];
  }

  /** The viewer's camera, moved back as far as it takes to hold her, and her between the panels. */
  #frame(dt) {
    const { clientWidth: width, clientHeight: height } = this.renderer.domElement;
    const { left, right, top, bottom } = this.panels;
    const lens = { slope: Math.tan((this.camera.fov * Math.PI) / 360), aspect: width / height || 1 };
    const free = {
      side: 1 - (left + right) / (width || 1) - MARGIN,
      top: 1 - (2 * top) / (height || 1) - MARGIN,
      bottom: 1 - (2 * bottom) / (height || 1) - MARGIN,
    };
    const base = { distance: this.orbit.getDistance(), height: this.orbit.target.y };
    const turn = this.orbit.getAzimuthalAngle();
    const [sine, cosine] = [Math.sin(turn), Math.cos(turn)];
    const lowest = base.height - free.bottom * base.distance * lens.slope;
    const points = base.distance < CLOSE_UP_M ? [] : this.reach(lowest).map(({ x, y, z }) => ({ x: x * cosine - z * sine, y, z: x * sine + z * cosine }));
    const to = this.#framing.follow(dt, frameAround(points, base, lens, free));
    const back = this.chosen.position.clone().sub(this.orbit.target).normalize();
    this.camera.position.copy(this.chosen.position).addScaledVector(back, to.distance - base.distance);
    this.camera.position.y += to.height - base.height;
    this.camera.quaternion.copy(this.chosen.quaternion);
    this.#shift += ((right - left) / 2 - this.#shift) * (dt ? 1 - Math.exp(-dt / 0.3) : 1);
    if (width && Math.abs(this.#shift) > 0.5) this.camera.setViewOffset(width, height, this.#shift, 0, width, height);
    else if (this.camera.view) this.camera.clearViewOffset();
  }

  #drift(dt) {
    if (!this.#motes) return;
    const place = this.#motes.geometry.attributes.position;
    for (let k = 0; k < place.count; k++) {
      const y = place.getY(k) + dt * (0.03 + 0.02 * (k % 4));
      place.setY(k, y > 2.4 ? 0 : y);
    }
    place.needsUpdate = true;
  }
}
