// Copies the third-party modules of the stage page, and their licences, from node_modules to vendor/.
// Run `npm ci --ignore-scripts` first; package-lock.json pins every file by its hash.
import { cp, mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const FILES = {
  'three/build/three.module.js': 'three/build/three.module.js',
  'three/build/three.core.js': 'three/build/three.core.js',
  'three/examples/jsm/loaders/GLTFLoader.js': 'three/addons/loaders/GLTFLoader.js',
  'three/examples/jsm/controls/OrbitControls.js': 'three/addons/controls/OrbitControls.js',
  'three/examples/jsm/utils/BufferGeometryUtils.js': 'three/addons/utils/BufferGeometryUtils.js',
  'three/examples/jsm/utils/SkeletonUtils.js': 'three/addons/utils/SkeletonUtils.js',
  'three/LICENSE': 'three/LICENSE',
  '@pixiv/three-vrm/lib/three-vrm.module.min.js': 'three-vrm/three-vrm.module.js',
  '@pixiv/three-vrm/LICENSE': 'three-vrm/LICENSE',
};

const modules = join(here, 'node_modules');
const vendor = join(here, 'vendor');
if (!(await stat(modules).catch(() => null))) {
  console.error('Expected node_modules beside vendor.mjs, found none; run `npm ci --ignore-scripts` here first.');
  process.exit(2);
}
await rm(vendor, { recursive: true, force: true });
for (const [from, to] of Object.entries(FILES)) {
  await mkdir(dirname(join(vendor, to)), { recursive: true });
  await cp(join(modules, from), join(vendor, to));
}
console.log(`vendor/: ${Object.keys(FILES).length} files of three and @pixiv/three-vrm`);
