// The WebSocket with its back-off and its way back; knows the protocol's envelope and nothing of faces.

const BACKOFF_MS = [500, 1000, 2000, 4000, 8000];
const JITTER = 0.25;
const RESUME = 'resume';
const TAKEN_OVER = 4409;
/** The session that was watched is over: look again at once, then as after any other loss. */
const PASSED = 1012;
const PASSED_MS = 100;

export class Connection {
  #socket = null;
  #attempt = 0;
  #timer = 0;
  #isAsking = false; // for the session of before, which the server has not yet confirmed
  #held = []; // what came meanwhile
  #resume; // {token, validS, lastEventId}

  /**
   * `on`: {open(isComingBack), resumed(), caughtUp(), begunAnew(), event, media, lost(retryMs), taken()}.
   * `watches`: looks on, and has no session to come back to. `resume`: of the page that was here before.
   */
  constructor(url, on, { token = null, watches = false, resume = null } = {}) {
    this.url = url;
    this.on = on;
    this.token = token;
    this.watches = watches;
    this.#resume = resume;
    this.connect();
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** What a later page needs to go on with this session; null while there is none. */
  get resume() {
    return this.#resume && { ...this.#resume };
  }

  connect() {
    clearTimeout(this.#timer);
    const socket = new WebSocket(this.url, ['idol.v1']);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onopen = () => {
      this.#held = [];
      this.#isAsking = this.#resume !== null;
      if (this.token) this.send({ type: 'idol.authenticate', token: this.token });
      if (this.#isAsking) {
        const { token, lastEventId } = this.#resume;
        this.send({ type: 'idol.resume', event_id: RESUME, token, last_event_id: lastEventId ?? undefined });
      }
      this.on.open(this.#isAsking);
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') this.#event(JSON.parse(data));
      else if (!this.#isAsking) this.on.media(data);
    };
    socket.onclose = ({ code }) => {
      if (socket !== this.#socket) return;
      if (code === TAKEN_OVER) {
        this.#resume = null;
        this.on.taken();
        return;
      }
      const step = BACKOFF_MS[Math.min(this.#attempt, BACKOFF_MS.length - 1)];
      const wait = this.watches && code === PASSED && this.#attempt === 0 ? PASSED_MS : step * (1 + JITTER * (2 * Math.random() - 1));
      this.#attempt += 1;
      this.on.lost(wait);
      this.#timer = setTimeout(() => this.connect(), wait);
    };
  }

  /** Whether the event went out. */
  send(event) {
    if (!this.isOpen) return false;
    this.#socket.send(JSON.stringify(event));
    return true;
  }

  /** Closes the socket so that the server keeps the session; the back-off then brings it back. */
  drop() {
    this.#socket?.close(4000);
  }

  #event(event) {
    // Until the server has answered, what comes is of a session that ends as soon as the old one goes on.
    if (this.#isAsking) {
      if (event.type === 'error' && event.error?.event_id === RESUME) {
        this.#isAsking = false;
        this.#resume = null;
        this.on.begunAnew();
        for (const held of this.#held.splice(0)) this.#event(held);
        return;
      }
      if (event.type === 'idol.resumed') {
        this.#isAsking = false;
        const hello = this.#held.filter(({ type }) => type === 'idol.character');
        const missed = event.replayed ? this.#held.slice(-event.replayed) : [];
        this.#held = [];
        hello.forEach(this.on.event);
        this.on.resumed(event);
        for (const each of missed) this.#event(each);
        this.on.caughtUp();
        return;
      }
      this.#held.push(event);
      return;
    }
    if (event.type === 'session.created' || event.type === 'idol.stream.opened') this.#attempt = 0;
    if (event.type === 'idol.resume.token') {
      if (!this.watches) this.#resume = { token: event.token, validS: event.valid_s, lastEventId: event.event_id };
    } else if (this.#resume && event.event_id) {
      this.#resume.lastEventId = event.event_id;
    }
    this.on.event(event);
  }
}
