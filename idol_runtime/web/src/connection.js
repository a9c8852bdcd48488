// The WebSocket with its back-off; knows the protocol's envelope and nothing of faces.

const BACKOFF_MS = [500, 1000, 2000, 4000, 8000];

export class Connection {
  #socket = null;
  #attempt = 0;
  #resume = null; // {token, lastEventId}

  /** `on`: {open, event, media, lost(retryMs)}. */
  constructor(url, on, token = null) {
    this.url = url;
    this.on = on;
    this.token = token;
    this.connect();
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  connect() {
    const socket = new WebSocket(this.url, ['idol.v1']);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onopen = () => {
      if (this.token) this.send({ type: 'idol.authenticate', token: this.token });
      if (this.#resume?.token) {
        const { token, lastEventId } = this.#resume;
        this.send({ type: 'idol.resume', event_id: 'resume', token, last_event_id: lastEventId ?? undefined });
      }
      this.on.open();
    };
    socket.onmessage = ({ data }) => {
      if (typeof data !== 'string') return this.on.media(data);
      const event = JSON.parse(data);
      this.#attempt = 0;
      if (event.type === 'idol.resume.token') this.#resume = { token: event.token, lastEventId: event.event_id };
      else if (this.#resume && event.event_id) this.#resume.lastEventId = event.event_id;
      if (event.type === 'error' && event.error?.event_id === 'resume') this.#resume = null;
      else this.on.event(event);
    };
    socket.onclose = () => {
      const wait = BACKOFF_MS[Math.min(this.#attempt++, BACKOFF_MS.length - 1)];
      this.on.lost(wait);
      setTimeout(() => this.connect(), wait);
    };
  }

  /** Whether the event went out. */
  send(event) {
    if (!this.isOpen) return false;
    this.#socket.send(JSON.stringify(event));
    return true;
  }

  /** Closes the socket as a lost network would; the back-off then brings it back. */
  drop() {
    this.#socket?.close(4000); // without a code it would be a goodbye
  }
}
