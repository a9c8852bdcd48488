// One connection's media: what came in, and what is to be seen and heard now.

import { Cues, MediaClock, Playhead } from './clock.js';
import { decodeAudio, decodeFrames, decodeHeader } from './codec.js';
import { Curve } from './curves.js';
import { Played } from './played.js';

export class Playback {
  #streams = new Map();
  face = new Curve();
  pose = new Curve();
  clock = new MediaClock();
  cues = new Cues();
  counts = { audio: 0, face: 0, pose: 0, lost: 0 };
  #nextSeq = new Map();
  #played = new Played();
  #isHushed = false;
  #shown = new Playhead();

  /** `speaker`: a Speaker; `nowUs`: the page's own clock; `onSound(secondsUntil)`. */
  constructor(speaker, nowUs, onSound = () => {}) {
    this.speaker = speaker;
    this.nowUs = nowUs;
    this.onSound = onSound;
  }

  opened(stream) {
    this.#streams.set(stream.stream_id, stream);
    this.#nextSeq.delete(stream.stream_id);
  }

  closed(streamId) {
    this.#streams.delete(streamId);
  }

  channels(kind) {
    return [...this.#streams.values()].find((stream) => stream.kind === kind)?.channels;
  }

  /** A binary message. Messages of streams we never heard of are ignored. */
  receive(buffer) {
    const header = decodeHeader(buffer);
    const stream = this.#streams.get(header.streamId);
    if (!stream || stream.kind !== header.kind) return;
    const expected = this.#nextSeq.get(header.streamId) ?? header.seq;
    this.counts.lost += Math.max(0, header.seq - expected);
    this.#nextSeq.set(header.streamId, header.seq + 1);
    this.clock.arrived(header.ptsUs, this.nowUs());
    if (header.kind === 'audio') {
      this.counts.audio += 1;
      if (this.#isHushed) return;
      const samples = decodeAudio(buffer);
      this.#played.sound(header.ptsUs, Math.round((samples.length * 1e6) / this.speaker.rateHz));
      const playheadUs = this.playheadUs() ?? header.ptsUs;
      if (this.speaker.isRunning) this.onSound(this.speaker.play(header.ptsUs, samples, playheadUs));
      return;
    }
    for (const frame of decodeFrames(buffer, header, stream)) {
      this[header.kind].push(frame);
      this.counts[header.kind] += 1;
    }
  }

  /** The media time to show: the sound's while there is sound, else the page's estimate. */
  playheadUs() {
    return this.speaker.playheadUs() ?? this.clock.playheadUs(this.nowUs());
  }

  /** What to show in the picture of our time `displayUs`; runs the cues that are due. */
  sample(displayUs) {
    const heardUs = this.playheadUs();
    if (heardUs === null) return {};
    const shownUs = this.#shown.follow(heardUs - (this.nowUs() - displayUs), displayUs);
    this.cues.run(shownUs);
    return {
      face: this.face.sample(shownUs),
      pose: this.pose.sample(shownUs),
      channels: this.channels('face'),
      bones: this.channels('pose')?.slice(0, -1),
    };
  }

  /** Whether an answer is heard, or its sound is on its way to the ear. */
  get isAudible() {
    return !this.#isHushed && this.speaker.isAudible;
  }

  get playedUs() {
    return this.playheadUs();
  }

  /** A clause of an answer begins to sound at `ptsUs`. */
  begins(itemId, ptsUs) {
    this.#played.begins(itemId, ptsUs);
  }

  /** Milliseconds of an answer that were played by now; null for one that has not begun. */
  playedMs(itemId) {
    const nowUs = this.playheadUs();
    return nowUs === null ? null : this.#played.ms(itemId, nowUs);
  }

  /** Silence at once. `more`: what still comes of this answer is not to be heard either. */
  hush({ more }) {
    this.speaker.hush();
    this.cues.dropSpoken();
    this.#isHushed = more;
  }

  /** What comes from now on is to be heard again. */
  speak() {
    this.#isHushed = false;
  }

  /** Drops media later than `ptsUs`. */
  cut(ptsUs) {
    this.face.dropFrom(ptsUs + 1);
    this.pose.dropFrom(ptsUs + 1);
    this.cues.dropAfter(ptsUs);
    this.speaker.cut(ptsUs);
    this.speak();
  }

  /** A new connection: another clock, other streams. */
  restart() {
    this.speaker.cut(0);
    this.speak();
    this.#played.clear();
    this.#streams.clear();
    this.#nextSeq.clear();
    this.face.clear();
    this.pose.clear();
    this.cues.dropAfter(-1);
    this.clock.reset();
    this.#shown.reset();
  }
}
