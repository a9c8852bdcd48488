// What surrounds her: renderer, light, a round stage with a soft shadow, drifting motes, the camera.

import * as THREE from 'three';
import { OrbitControls } from 'three/addons/controls/OrbitControls.js';

const NEAR_M = 0.62;
const FAR_M = 3.9;
const START_M = 1.7;
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

  constructor(canvas, { overlay }) {
    this.overlay = overlay;
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true, premultipliedAlpha: true });
    this.renderer.setClearColor(0x000000, 0);
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(24, 1, 0.05, 30);
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

  #light() {
    const key = new THREE.DirectionalLight(0xfffaf4, Math.PI * 0.92);
    key.position.set(0.55, 1.25, 1.5);
    this.scene.add(key, new THREE.AmbientLight(0xf2eaff, 0.62));
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
    const orbit = new OrbitControls(this.camera, canvas);
    Object.assign(orbit, {
      enablePan: false, enableDamping: true, dampingFactor: 0.08, minDistance: NEAR_M, maxDistance: FAR_M,
      minPolarAngle: 1.05, maxPolarAngle: 1.72, minAzimuthAngle: -1.2, maxAzimuthAngle: 1.2, rotateSpeed: 0.5, zoomSpeed: 0.8,
    });
    this.orbit = orbit;
  }

  /** The bust, seen from the front and a little below the eyes. */
  home() {
    this.orbit.target.set(0, this.#targetHeight(START_M), 0);
    this.camera.position.set(0, this.orbit.target.y + 0.03, START_M);
    this.camera.lookAt(this.orbit.target);
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
    this.camera.fov = width < height ? 30 : 24;
    this.camera.updateProjectionMatrix();
  }

  render(dt) {
    if (!this.frozen) {
      this.orbit.target.y = this.#targetHeight(this.orbit.getDistance());
      this.orbit.update(dt);
      this.#drift(dt);
    }
    this.renderer.render(this.scene, this.camera);
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
