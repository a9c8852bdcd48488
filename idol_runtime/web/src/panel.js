// Everything that is text: chat, subtitles, status, latency, messages about the connection.

const STATUS = {
  connecting: 'Connecting', offline: 'Offline', idle: 'Ready', listen: 'Listening', think: 'Thinking', speak: 'Speaking', dance: 'Dancing',
};
const SUBTITLE_STAYS_MS = 1600;
const NOTICE_STAYS_MS = 7000;
const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

export class Panel {
  #reply = null;
  #subtitleTimer = 0;
  #noticeTimer = 0;

  /** `on`: {say(text), stop(), sound()}. */
  constructor(root, on) {
    const find = (id) => root.getElementById(id);
    Object.assign(this, {
      name: find('name'), dot: find('status'), status: find('status-text'), latency: find('latency'), log: find('log'),
      subtitle: find('subtitle'), notice: find('notice'), hint: find('sound'), form: find('chat'), input: find('text'), stop: find('stop'),
    });
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.input.value.trim();
      if (text && on.say(text)) {
        this.input.value = '';
        this.addLine('user', text);
      }
    });
    this.stop.addEventListener('click', on.stop);
    this.hint.addEventListener('click', on.sound);
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
    this.stop.hidden = status !== 'speak' && status !== 'think';
  }

  setCanSend(can) {
    this.form.querySelector('[type=submit]').disabled = !can;
  }

  addLine(who, text) {
    const line = document.createElement('p');
    line.className = who;
    line.textContent = text;
    this.log.append(line);
    while (this.log.children.length > 60) this.log.firstChild.remove();
    this.log.scrollTop = this.log.scrollHeight;
    return line;
  }

  replyDelta(responseId, delta) {
    if (this.#reply?.id !== responseId) this.#reply = { id: responseId, line: this.addLine('character', '') };
    this.#reply.line.textContent += delta;
    this.log.scrollTop = this.log.scrollHeight;
  }

  replyDone(responseId, transcript) {
    if (this.#reply?.id === responseId && transcript) this.#reply.line.textContent = transcript;
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
    this.latency.hidden = parts.length === 0;
  }

  /** `sticky` notices stay until the next one or `clearNotice`. */
  showNotice(text, { sticky = false } = {}) {
    clearTimeout(this.#noticeTimer);
    this.notice.textContent = text;
    this.notice.hidden = false;
    if (!sticky) this.#noticeTimer = setTimeout(() => this.clearNotice(), NOTICE_STAYS_MS);
  }

  clearNotice() {
    this.notice.hidden = true;
  }

  setSoundHint(shown) {
    this.hint.hidden = !shown;
  }
}
