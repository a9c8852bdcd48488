// Everything that is text: chat, subtitles, status, settings, messages about the connection.

import { Log } from './log.js';

const STATUS = {
  connecting: 'Connecting', offline: 'Offline', idle: 'Ready', listen: 'Listening', think: 'Thinking', speak: 'Speaking', dance: 'Dancing',
};
const SUBTITLE_STAYS_MS = 1600;
const NOTICE_STAYS_MS = 7000;
const NOTICE_FADES_MS = 400;
const TIMING = 'idol.timing';
const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

export class Panel {
  #subtitleTimer = 0;
  #noticeTimer = 0;
  #storage;

  /** `on`: {say(text), stop(), sound()}. `timing`: whether to show it, null for what was last chosen here. */
  constructor(root, on, { storage = null, timing = null } = {}) {
    const find = (id) => root.getElementById(id);
    Object.assign(this, {
      name: find('name'), dot: find('status'), status: find('status-text'), latency: find('latency'), settings: find('settings'), timing: find('timing'),
      subtitle: find('subtitle'), notice: find('notice'), hint: find('sound'), form: find('chat'), input: find('text'), stop: find('stop'),
    });
    this.log = new Log(find('log'));
    this.#storage = storage;
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.input.value.trim();
      if (text && on.say(text)) this.input.value = '';
    });
    root.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || event.isComposing) return;
      this.settings.open = false;
      on.stop();
    });
    this.stop.addEventListener('click', on.stop);
    this.hint.addEventListener('click', on.sound);
    this.timing.addEventListener('change', () => {
      this.#showTiming(this.timing.checked);
      storage?.setItem(TIMING, this.timing.checked ? '1' : '0');
    });
    this.#showTiming(timing ?? storage?.getItem(TIMING) === '1');
  }

  introduce({ name, language }) {
    this.name.textContent = name;
    document.title = `${name} on stage`;
    this.input.placeholder = `Say something to ${name}`;
    this.subtitle.lang = language;
  }

  setStatus(status) {
    this.dot.dataset.state = status;
    this.status.textContent = STATUS[status] ?? status;
  }

  setCanStop(can) {
    this.stop.hidden = !can;
  }

  /** Puts words back that could not be said, unless others are being written. */
  giveBack(text) {
    if (!this.input.value) this.input.value = text;
  }

  showSubtitle(text) {
    clearTimeout(this.#subtitleTimer);
    this.subtitle.textContent = text;
    this.subtitle.classList.add('shown');
  }

  hideSubtitle({ now = false } = {}) {
    clearTimeout(this.#subtitleTimer);
    this.#subtitleTimer = setTimeout(() => {
      this.subtitle.classList.remove('shown');
      if (now) this.subtitle.textContent = '';
    }, now ? 0 : SUBTITLE_STAYS_MS);
  }

  showLatency({ heardMs, firstAudioMs }) {
    const parts = [];
    if (heardMs != null) parts.push(`first sound ${seconds(heardMs)}`);
    if (firstAudioMs != null) parts.push(`server ${seconds(firstAudioMs)}`);
    this.latency.textContent = parts.join(' · ');
  }

  /** `sticky` notices stay until the next one or `clearNotice`. */
  showNotice(text, { sticky = false } = {}) {
    clearTimeout(this.#noticeTimer);
    this.notice.textContent = text;
    this.notice.classList.add('shown');
    if (!sticky) this.#noticeTimer = setTimeout(() => this.clearNotice(), NOTICE_STAYS_MS);
  }

  /** The notice fades; once it is gone it is not read either. */
  clearNotice() {
    clearTimeout(this.#noticeTimer);
    this.notice.classList.remove('shown');
    this.#noticeTimer = setTimeout(() => { this.notice.textContent = ''; }, NOTICE_FADES_MS);
  }

  setSoundHint(shown) {
    this.hint.hidden = !shown;
  }

  #showTiming(shown) {
    this.timing.checked = shown;
    this.latency.hidden = !shown;
  }
}
