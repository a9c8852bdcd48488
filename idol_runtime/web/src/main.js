// The stage page: a connection, a playback, an avatar, a panel.

import { Connection } from './connection.js';
import { Panel } from './panel.js';
import { Playback } from './playback.js';
import { Speaker } from './speaker.js';

const query = new URLSearchParams(location.search);
const overlay = query.has('overlay');
document.documentElement.classList.toggle('overlay', overlay);

const AVATAR_RETRY_MS = 5000;
const nowUs = () => Math.round(performance.now() * 1000);
const audio = new AudioContext({ sampleRate: 24000, latencyHint: 'interactive' });
const speaker = new Speaker(audio);
const playback = new Playback(speaker, nowUs, soundScheduled);
let scenery = null;
let avatar = null;
let bringing = false;
let turn = null; // {askedMs, heardMs, responseId}
let greeted = false;
let everOpened = false;
let appliedFaceFrames = 0;
let lastShownFace = null;

const panel = new Panel(document, { say, stop, sound: enableSound });
panel.setStatus('connecting');

const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
// What stands behind the # stays in the browser: no proxy writes it to its log.
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? query.get('token');
const chosen = query.get('character'); // the name of its folder; without one the server's first
const model = chosen ? `?model=${encodeURIComponent(chosen)}` : '';
const connection = new Connection(`${scheme}://${location.host}/v1/realtime${model}`, { open: opened, event: received, media: received_media, lost }, token);

// The connection is on its way before the renderer is even here.
const figure = Promise.all([import('./scenery.js'), import('./avatar.js')]).then(([{ Scenery }, { loadAvatar }]) => {
  scenery = new Scenery(document.getElementById('stage'), { overlay });
  requestAnimationFrame(frame);
  return loadAvatar;
});

function say(text) {
  void audio.resume();
  const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text }] };
  if (!connection.send({ type: 'conversation.item.create', item })) {
    panel.showNotice('Your message was not sent: there is no connection. It stays in the box; try again in a moment.');
    return false;
  }
  greeted = true;
  ask();
  return true;
}

function ask() {
  turn = { askedMs: performance.now(), heardMs: null };
  connection.send({ type: 'response.create' });
}

function stop() {
  connection.send({ type: 'response.cancel' });
}

async function enableSound() {
  await audio.resume();
  showSoundHint();
  if (!greeted && connection.isOpen) {
    greeted = true;
    ask();
  }
}

function showSoundHint() {
  panel.setSoundHint(audio.state !== 'running' && !overlay);
}
audio.onstatechange = showSoundHint;
showSoundHint();

function opened() {
  everOpened = true;
  playback.restart();
  panel.setStatus('idle');
  panel.clearNotice();
  panel.setCanSend(true);
  ping();
}

function lost(retryMs) {
  panel.setStatus('offline');
  panel.setCanSend(false);
  panel.hideSubtitle({ now: true });
  const unknown = chosen && !everOpened ? ` Is a character named ${chosen} served here?` : '';
  panel.showNotice(`The connection to the server is lost.${unknown} Trying again in ${(retryMs / 1000).toFixed(1)} s.`, { sticky: true });
  turn = null;
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
  'idol.utterance.started': (event) => playback.cues.add(event.pts_us, () => panel.showSubtitle(event.text)),
  'idol.utterance.ended': (event) => playback.cues.add(event.pts_us, () => panel.hideSubtitle()),
  'idol.playback.cut': (event) => {
    playback.cut(event.pts_us);
    playback.cues.add(event.pts_us, () => avatar?.hands.relax());
    panel.hideSubtitle({ now: true });
    panel.setStatus('idle');
  },
  'response.created': (event) => {
    if (turn) turn.responseId = event.response.id;
    panel.setStatus('think');
  },
  'response.output_audio_transcript.delta': (event) => panel.replyDelta(event.response_id, event.delta),
  'response.output_audio_transcript.done': (event) => panel.replyDone(event.response_id, event.transcript),
  'idol.turn.metrics': (event) => panel.showLatency({ heardMs: turn?.heardMs, firstAudioMs: event.first_audio_ms }),
  'idol.goaway': (event) => panel.showNotice(`The server is about to stop: ${event.reason}`, { sticky: true }),
  error: (event) => panel.showNotice(event.error.message),
};

function received(event) {
  answers[event.type]?.(event);
}

function soundScheduled(inSeconds) {
  if (!turn || turn.heardMs !== null) return;
  turn.heardMs = performance.now() - turn.askedMs + inSeconds * 1000;
  panel.showLatency({ heardMs: turn.heardMs });
}

let pings = 0;
function ping() {
  connection.send({ type: 'idol.clock.ping', id: ++pings, client_us: nowUs() });
}
// Eight quick pings settle the clock; then one now and then keeps it.
setInterval(() => { if (pings < 8 || pings % 20 === 0) ping(); else pings += 1; }, 500);
setInterval(() => {
  const heardUs = speaker.playheadUs();
  if (heardUs !== null) connection.send({ type: 'idol.playback.progress', pts_us: Math.round(heardUs) });
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
  get audioState() { return audio.state; },
  get streamShare() { return avatar?.streamShare ?? 0; },
  boneZ: (bone) => avatar.vrm.humanoid.getNormalizedBoneNode(bone).quaternion.z,
  turn: (bone) => avatar.vrm.humanoid.getNormalizedBoneNode(bone).quaternion.toArray(),
  place: (bone) => avatar.place(bone),
  send: (event) => connection.send(event),
  draw: (drawn) => { scenery.drawn = drawn; },
  drop: () => connection.drop(),
  view: (distance, height) => {
    scenery.orbit.enableDamping = false;
    scenery.camera.position.set(0, height, distance);
    scenery.camera.lookAt(0, height, 0);
    scenery.orbit.enabled = false;
    scenery.render = () => scenery.renderer.render(scenery.scene, scenery.camera);
  },
  get held() { return scenery.held; },
  hold: (held) => { scenery.held = held; },
  still: (still) => {
    scenery.frozen = still;
    avatar.enter({});
  },
};
