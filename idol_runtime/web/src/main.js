// The stage page: a connection, a playback, an avatar, a panel.

import { Connection } from './connection.js';
import { Conversation } from './conversation.js';
import { Memory, storageOf, userOf } from './memory.js';
import { Panel } from './panel.js';
import { Playback } from './playback.js';
import { Speaker } from './speaker.js';

const query = new URLSearchParams(location.search);
const overlay = query.has('overlay');
document.documentElement.classList.toggle('overlay', overlay);
document.documentElement.classList.toggle('subtitled', query.has('subtitles'));

const AVATAR_RETRY_MS = 5000;
const nowUs = () => Math.round(performance.now() * 1000);
const audio = new AudioContext({ sampleRate: 24000, latencyHint: 'interactive' });
const speaker = new Speaker(audio);
const playback = new Playback(speaker, nowUs, soundScheduled);
let scenery = null;
let avatar = null;
let bringing = false;
let asked = null; // {atMs, heardMs} of the answer that is waited for
let greeted = false;
let statusBefore = 'idle'; // while there is no connection
let everOpened = false;
let appliedFaceFrames = 0;
let lastShownFace = null;

const timing = query.has('timing') ? query.get('timing') !== '0' : null;
const panel = new Panel(document, { say, stop, sound: enableSound }, { storage: storageOf('localStorage'), timing });
panel.setStatus('connecting');

const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
// What stands behind the # stays in the browser: no proxy writes it to its log.
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? query.get('token');
const chosen = query.get('character'); // the name of its folder; without one the server's first
const wishes = [...(chosen ? [`model=${encodeURIComponent(chosen)}`] : []), ...(overlay ? ['watch'] : [`user=${userOf(storageOf('localStorage'))}`])];
const url = `${scheme}://${location.host}/v1/realtime${wishes.length ? '?' : ''}${wishes.join('&')}`;
const memory = new Memory(overlay ? null : storageOf('sessionStorage'), url);
const before = memory.take();
const conversation = new Conversation({ send: (event) => connection.send(event), sound: playback, log: panel.log, notice: (sentence) => panel.showNotice(sentence), giveBack: (text) => panel.giveBack(text) });
if (before) recall(before);
const connection = new Connection(
  url,
  { open: opened, resumed, caughtUp: () => conversation.caughtUp(), begunAnew, event: received, media: received_media, lost, taken },
  { token, watches: overlay, resume: before?.resume ?? null },
);

// The connection is on its way before the renderer is even here.
const figure = Promise.all([import('./scenery.js'), import('./avatar.js')]).then(([{ Scenery }, { loadAvatar }]) => {
  scenery = new Scenery(document.getElementById('stage'), { overlay });
  clearPanels();
  requestAnimationFrame(frame);
  return loadAvatar;
});

/** What of the picture is free of panels. */
function clearPanels() {
  if (overlay || !scenery) return;
  const [chat, log] = ['chat', 'log'].map((id) => document.getElementById(id).getBoundingClientRect());
  scenery.panels = { left: 0, right: log.width ? innerWidth - log.left : 0, top: 0, bottom: chat.height ? innerHeight - chat.top : 0 };
}
const watched = new ResizeObserver(clearPanels);
for (const id of ['chat', 'log', 'stage']) watched.observe(document.getElementById(id));

function say(text) {
  void audio.resume();
  if (!connection.isOpen) {
    panel.showNotice('Your message was not sent: there is no connection. It stays in the box; try again in a moment.');
    return false;
  }
  panel.hideSubtitle({ now: true });
  if (!conversation.say(text)) return false;
  greeted = true;
  waitForSound();
  panel.setStatus('think');
  return true;
}

function stop() {
  if (!conversation.isAnswering) return;
  conversation.stop();
  panel.hideSubtitle({ now: true });
  panel.setStatus('idle');
}

function waitForSound() {
  asked = { atMs: performance.now(), heardMs: null };
}

async function enableSound() {
  await audio.resume();
  showSoundHint();
  if (!greeted && connection.isOpen) {
    greeted = true;
    waitForSound();
    conversation.ask();
  }
}

function showSoundHint() {
  panel.setSoundHint(audio.state !== 'running' && !overlay);
}
audio.onstatechange = showSoundHint;
showSoundHint();
// Where the browser wants a gesture first, any will do.
if (overlay) addEventListener('pointerdown', () => void audio.resume());

/** Goes on where the page was left when it was loaded again. */
function recall({ log, said, status, draft, hasGreeted }) {
  panel.log.restore(log);
  panel.giveBack(draft);
  statusBefore = status;
  conversation.restore(said);
  greeted = hasGreeted;
}

/** Kept when the page goes and while it is hidden, when a browser may throw it away without a word. */
function keep() {
  const resume = connection.resume;
  if (!resume) return;
  const state = { resume, log: panel.log.lines, said: conversation.state, status: status(), draft: panel.input.value, hasGreeted: greeted };
  memory.keep(state, resume.validS);
}
addEventListener('pagehide', keep);
// A tab that is copied while it is seen begins a session of its own.
document.addEventListener('visibilitychange', () => (document.hidden ? keep() : memory.forget()));

/** What she does, or did when the connection was lost. */
function status() {
  const shown = panel.dot.dataset.state;
  return shown === 'offline' || shown === 'connecting' ? statusBefore : shown;
}

function opened(isComingBack) {
  everOpened = true;
  playback.restart();
  if (!isComingBack) panel.setStatus('idle');
  panel.clearNotice();
  ping();
}

/** The same session over another connection, or in a page that was loaded again. */
function resumed() {
  panel.setStatus(statusBefore);
  conversation.resumed();
}

function begunAnew() {
  panel.setStatus('idle');
  panel.log.divide('A new conversation: what was said before is forgotten.');
  conversation.begunAnew();
}

function lost(retryMs) {
  statusBefore = status();
  panel.setStatus('offline');
  panel.hideSubtitle({ now: true });
  asked = null;
  if (document.documentElement.classList.contains('refused')) return;
  const unknown = chosen && !everOpened ? ` Is a character named ${chosen} served here?` : '';
  panel.showNotice(`The connection to the server is lost.${unknown} Trying again in ${(retryMs / 1000).toFixed(1)} s.`, { sticky: true });
}

/** Another tab went on with this conversation, as one that was duplicated does. */
function taken() {
  panel.setStatus('offline');
  panel.showNotice('This conversation goes on in another tab. Reload this page to begin a new one here.', { sticky: true });
}

function received_media(buffer) {
  try {
    playback.receive(buffer);
  } catch (error) {
    panel.showNotice(error.message);
  }
}

const answers = {
  'idol.character': ({ character }) => {
    panel.introduce(character);
    if (bringing) return;
    if (character.avatar_url) void bring(character.avatar_url);
    else stayEmpty(character.name);
  },
  'idol.stream.opened': (event) => playback.opened(event),
  'idol.stream.closed': (event) => playback.closed(event.stream_id),
  'idol.clock.pong': (event) => playback.clock.heard(event.client_us, nowUs(), event.pts_us),
  'idol.activity': (event) => playback.cues.add(event.pts_us, () => { panel.setStatus(event.activity); if (avatar) avatar.hands.activity = event.activity; }),
  'idol.gesture': (event) => playback.cues.add(event.pts_us, () => avatar?.hands.shape(event.gesture, event.duration_us / 1e6)),
  'idol.utterance.started': (event) => {
    playback.begins(event.item_id, event.pts_us);
    playback.cues.add(event.pts_us, () => panel.showSubtitle(event.text), { isSpoken: true });
  },
  'idol.utterance.ended': (event) => playback.cues.add(event.pts_us, () => panel.hideSubtitle(), { isSpoken: true }),
  'idol.playback.cut': (event) => {
    playback.cut(event.pts_us);
    playback.cues.add(event.pts_us, () => avatar?.hands.relax());
    panel.hideSubtitle({ now: true });
    if (!conversation.isAnswering) panel.setStatus('idle');
  },
  'response.created': () => panel.setStatus('think'),
  'idol.turn.metrics': (event) => panel.showLatency({ heardMs: asked?.heardMs, firstAudioMs: event.first_audio_ms }),
  'idol.goaway': (event) => panel.showNotice(`The server is about to stop: ${event.reason}`, { sticky: true }),
};

/** An overlay that may not look on says so where nobody stands yet: it has no other place for it. */
function refuse(isRefused) {
  document.documentElement.classList.toggle('refused', overlay && isRefused);
}

function received(event) {
  if (event.type === 'error' && !bringing) refuse(true);
  if (event.type === 'idol.character') refuse(false);
  answers[event.type]?.(event);
  conversation.received(event);
  if (event.type === 'error' && panel.dot.dataset.state === 'think' && !conversation.isAnswering) panel.setStatus('idle');
}

function soundScheduled(inSeconds) {
  if (!asked || asked.heardMs !== null) return;
  asked.heardMs = performance.now() - asked.atMs + inSeconds * 1000;
  panel.showLatency({ heardMs: asked.heardMs });
}

let pings = 0;
function ping() {
  connection.send({ type: 'idol.clock.ping', id: ++pings, client_us: nowUs() });
}
// Eight quick pings settle the clock; then one now and then keeps it.
setInterval(() => { if (pings < 8 || pings % 20 === 0) ping(); else pings += 1; }, 500);
setInterval(() => {
  const heardUs = speaker.playheadUs();
  if (heardUs !== null && !overlay) connection.send({ type: 'idol.playback.progress', pts_us: Math.round(heardUs) });
}, 500);

async function bring(url) {
  bringing = true;
  try {
    const loadAvatar = await figure;
    const newcomer = await loadAvatar(url);
    scenery.eyeHeight = newcomer.eyeHeight;
    scenery.home();
    await scenery.admit(newcomer.scene);
    newcomer.enter(playback.sample(nowUs()));
    avatar = newcomer;
    scenery.reach = (lowest) => newcomer.reach(lowest);
  } catch (error) {
    panel.showNotice(`The avatar could not be loaded: ${error.message}. Trying again in a few seconds.`);
    setTimeout(() => void bring(url), AVATAR_RETRY_MS);
    return;
  }
  document.documentElement.classList.add('ready');
}

/** A character without an avatar is heard and read; the stage says why nobody stands on it. */
function stayEmpty(name) {
  panel.showNotice(`${name} has no avatar to show: name a VRM file by \`avatar\` in its character.toml.`, { sticky: true });
  document.documentElement.classList.add('ready');
}

let lastMs = performance.now();
function frame(nowMs) {
  requestAnimationFrame(frame);
  if (scenery.held) return;
  const dt = Math.min(0.1, Math.max(0, nowMs - lastMs) / 1000);
  lastMs = nowMs;
  const sample = playback.sample(nowMs * 1000);
  panel.setCanStop(conversation.isAnswering);
  if (sample.face && sample.face.from !== lastShownFace) {
    lastShownFace = sample.face.from;
    appliedFaceFrames += 1;
  }
  if (scenery.frozen) avatar?.update(0, { ...sample, pose: undefined });
  else avatar?.update(dt, sample);
  if (scenery.drawn) scenery.render(dt);
}

/** For tests: read-only facts, a still camera, a body that stands still below a living face, and a held picture. */
window.__stage = {
  get ready() { return avatar !== null; },
  get avatarName() { return avatar?.vrm.meta.name ?? null; },
  get connected() { return connection.isOpen; },
  get status() { return panel.dot.dataset.state; },
  get counts() { return { ...playback.counts }; },
  get queued() { return { face: playback.face.size, pose: playback.pose.size }; },
  get lastFacePtsUs() { return playback.face.lastPtsUs; },
  get appliedFaceFrames() { return appliedFaceFrames; },
  get weights() { return avatar ? Object.fromEntries((playback.channels('face') ?? []).slice(0, 52).map((name, k) => [name, avatar.weights[k]])) : {}; },
  get playheadUs() { return playback.playheadUs(); },
  get isAudible() { return playback.isAudible; },
  get isAnswering() { return conversation.isAnswering; },
  get audioState() { return audio.state; },
  get streamShare() { return avatar?.streamShare ?? 0; },
  boneZ: (bone) => avatar.vrm.humanoid.getNormalizedBoneNode(bone).quaternion.z,
  turn: (bone) => avatar.vrm.humanoid.getNormalizedBoneNode(bone).quaternion.toArray(),
  place: (bone) => avatar.place(bone),
  expression: (name) => avatar.vrm.expressionManager.getValue(name),
  inPicture: (bone) => scenery.inPicture(...avatar.place(bone)),
  send: (event) => connection.send(event),
  draw: (drawn) => { scenery.drawn = drawn; },
  paint: () => scenery.render(0),
  drop: () => connection.drop(),
  view: (distance, height) => {
    scenery.orbit.enableDamping = false;
    scenery.camera.clearViewOffset();
    scenery.camera.position.set(0, height, distance);
    scenery.camera.lookAt(0, height, 0);
    scenery.orbit.enabled = false;
    scenery.render = () => scenery.renderer.render(scenery.scene, scenery.camera);
  },
  get cameraDistance() { return scenery.camera.position.distanceTo(scenery.orbit.target); },
  get held() { return scenery.held; },
  hold: (held) => { scenery.held = held; },
  still: (still) => {
    scenery.frozen = still;
    avatar.enter({});
  },
};
