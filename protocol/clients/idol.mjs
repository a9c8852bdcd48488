// A client of the idol.v1 subprotocol for browsers and Node 18, 20 and newer.
//
//   import { connect } from "./idol.mjs";
//
//   const idol = await connect("ws://127.0.0.1:8765", { model: "hoshi" });
//   idol.on("response.output_audio_transcript.delta", ({ delta }) => show(delta));
//   idol.on("audio", ({ pts_us, samples }) => play(samples, pts_us)); // PCM16 at 24 kHz
//   idol.on("face", ({ pts_us, values }) => pose(values, pts_us)); // also "pose"; a frame each
//   idol.on("idol.playback.cut", ({ pts_us }) => dropSoundFrom(pts_us));
//   await idol.say("Who are you?"); // resolves with the `response.done` event's response
//   idol.close();
//
// Node 22 and browsers have a WebSocket of their own. On Node 18 and 20 it comes from the package
// `ws` (npm install ws), or is given: connect(url, { WebSocket }).
import { Streams } from "./media.mjs";

export * from "./media.mjs";

const PATH = "/v1/realtime";
const RETRY_MS = [0, 250, 500, 1000, 2000];
/** Codes after which trying again would not help: closed on purpose, no valid token, a bad message. */
const FINAL_CODES = new Set([1000, 1008, 1009, 4401]);
/** What a connection begins with; one that takes a session up again begins with that of another. */
const OF_A_NEW_SESSION = new Set([
  "session.created",
  "idol.character",
  "idol.resume.token",
  "idol.stream.opened",
]);

/** The server did not take a connection, or closed it for good; `code` is that of the close. */
export class ConnectionError extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/** An `error` event as an exception; `error` is what the server said. */
export class RequestError extends Error {
  constructor(error) {
    super(error.message);
    this.error = error;
  }
}

/**
 * Connects, and resolves once the session is there.
 *
 * url: "ws://host:port", with or without the path; http and https will do as well.
 * model: the name of a character's folder; the server's first one by default.
 * token: what the server wants to know, where it has a token.
 * streams: what `idol.streams.configure` takes, such as { face: { fps: 30, dtype: "u8" }, pose: null };
 *   without it the server opens sound, face and pose.
 * resume: whether a connection that breaks is taken up again (default: true).
 * WebSocket: the class to use.
 */
export async function connect(url, options = {}) {
  const idol = new Idol(address(url, options.model), options, await socketClass(options.WebSocket));
  await idol.open();
  return idol;
}

/** A session with a character. */
export class Idol {
  #url;
  #options;
  #WebSocket;
  #socket = null;
  #listeners = new Map();
  #pending = new Map(); // event_id of a response.create -> {resolve, reject}
  #asked = []; // event_ids whose response.created has not come yet
  #responses = new Map(); // response id -> event_id
  #token = null;
  #validMs = 0;
  #lastEventId = null;
  #count = 0;
  #closing = false;
  #isOver = false;
  #held = null; // what is sent while a broken connection is taken up again
  #unsure = new Map(); // event_id -> text of what the server has not answered yet
  #clock = null;

  constructor(url, options, WebSocket) {
    this.#url = url;
    this.#options = options;
    this.#WebSocket = WebSocket;
  }

  /**
   * Calls `listener` for every event of a type; returns a function that ends that.
   *
   * Types are those of the server's events, "*" for all of them, "audio", "face" and "pose" for media,
   * "reconnecting" while a broken connection is taken up again, "lost" when that gave a new session
   * instead of the old one, and "close" with {code, reason} when it is over.
   */
  on(type, listener) {
    if (!this.#listeners.has(type)) this.#listeners.set(type, new Set());
    this.#listeners.get(type).add(listener);
    return () => this.#listeners.get(type).delete(listener);
  }

  /**
   * Sends an event as it is; returns its `event_id`, which an `error` that it causes repeats.
   *
   * While a broken connection is taken up again it waits until that is done.
   */
  send(event) {
    const event_id = event.event_id ?? `client_${++this.#count}`;
    const text = JSON.stringify({ ...event, event_id });
    if (this.#held) this.#held.push(text);
    else if (this.#socket?.readyState === 1) this.#socket.send(text);
    else throw new ConnectionError("Expected an open connection.");
    return event_id;
  }

  /** Says something to the character; resolves with its response, however that ended. */
  say(text, response = {}) {
    const content = [{ type: "input_text", text }];
    const id = `item_${Math.random().toString(36).slice(2)}`;
    const item = { id, type: "message", role: "user", content };
    this.#surely({ type: "conversation.item.create", event_id: id, item });
    return this.respond(response);
  }

  /** Asks for an answer to what was said; to an empty conversation it is the greeting. */
  respond(response = {}) {
    const event_id = this.#surely({ type: "response.create", response });
    this.#asked.push(event_id);
    return new Promise((resolve, reject) => this.#pending.set(event_id, { resolve, reject }));
  }

  /** Stops the answer; `idol.playback.cut` then says from which media time on to drop sound. */
  cancel() {
    return this.send({ type: "response.cancel" });
  }

  /** Opens, changes or (null) closes media streams: { audio, face, pose }. */
  configure(streams) {
    return this.send({ type: "idol.streams.configure", ...streams });
  }

  /** Says how far sound was played, so that an answer that is cut is remembered as it was heard. */
  progress(pts_us) {
    return this.send({ type: "idol.playback.progress", pts_us: Math.round(pts_us) });
  }

  /**
   * Reads the server's media clock, and keeps the reading that took the shortest way.
   *
   * Resolves with {offset_us, round_trip_us}: media time is this machine's time plus the offset.
   */
  async syncClock(readings = 3) {
    for (let id = 1; id <= readings; id++) {
      const sent = now();
      const pong = this.#once((event) => event.type === "idol.clock.pong" && event.client_us === sent);
      this.send({ type: "idol.clock.ping", id, client_us: sent });
      const { pts_us } = await pong;
      const round_trip_us = now() - sent;
      if (!this.#clock || round_trip_us <= this.#clock.round_trip_us) {
        this.#clock = { offset_us: pts_us - sent - round_trip_us / 2, round_trip_us };
      }
    }
    return this.#clock;
  }

  /** The media time of this moment in microseconds, after `syncClock`; null before. */
  get mediaTime() {
    return this.#clock && now() + this.#clock.offset_us;
  }

  /** Ends the session. */
  close() {
    this.#closing = true;
    this.#socket?.close(1000);
  }

  /** Called by `connect`. */
  async open() {
    await this.#connect();
    if (this.#options.streams) this.configure(this.#options.streams);
  }

  /** Sends what is sent again if the connection breaks before the server has answered it. */
  #surely(event) {
    const event_id = event.event_id ?? `client_${++this.#count}`;
    const text = JSON.stringify({ ...event, event_id });
    if (this.#isOver) throw new ConnectionError("Expected an open connection.");
    this.#unsure.set(event_id, text);
    if (!this.#held && this.#socket.readyState === 1) this.#socket.send(text);
    return event_id;
  }

  #connect(resume = null) {
    return new Promise((resolve, reject) => {
      const socket = new this.#WebSocket(this.#url, ["idol.v1"]);
      socket.binaryType = "arraybuffer";
      const streams = new Streams();
      let isOpen = false;
      let fresh = null;
      const begin = () => {
        isOpen = true;
        this.#socket = socket;
        if (resume) for (const text of this.#unsure.values()) socket.send(text);
        for (const text of this.#held ?? []) socket.send(text);
        this.#held = null;
        resolve();
      };
      socket.addEventListener("open", () => {
        const { token } = this.#options;
        if (token) socket.send(JSON.stringify({ type: "idol.authenticate", token }));
        if (resume) socket.send(JSON.stringify({ type: "idol.resume", ...resume }));
      });
      socket.addEventListener("message", ({ data }) => {
        if (typeof data !== "string") return this.#media(streams, data);
        const event = JSON.parse(data);
        streams.note(event);
        // A session that is resumed is there once the server says so, or says that it is gone.
        if (isOpen) this.#note(event);
        else if (resume && event.type === "error") {
          this.#forget(event, fresh);
          begin();
        } else if (resume && OF_A_NEW_SESSION.has(event.type)) {
          if (event.type === "idol.resume.token") fresh = event;
        } else {
          this.#note(event);
          if (event.type === (resume ? "idol.resumed" : "session.created")) begin();
        }
      });
      socket.addEventListener("error", () => {}); // "close" follows and tells the rest
      socket.addEventListener("close", ({ code, reason }) => {
        if (isOpen) this.#broken(code, reason);
        else {
          const why = code === 4401 ? "expected a valid token" : reason || `closed with ${code}`;
          reject(new ConnectionError(`${this.#url}: ${why}.`, code));
        }
      });
    });
  }

  #note(event) {
    if (event.event_id) this.#lastEventId = event.event_id;
    if (event.type === "idol.resume.token") {
      this.#token = event.token;
      this.#validMs = 1000 * event.valid_s;
    } else if (event.type === "conversation.item.added") {
      this.#unsure.delete(event.item.id);
    } else if (event.type === "response.created" && this.#asked.length) {
      this.#unsure.delete(this.#asked[0]);
      this.#responses.set(event.response.id, this.#asked.shift());
    } else if (event.type === "response.done") {
      this.#settle(this.#responses.get(event.response.id), (each) => each.resolve(event.response));
      this.#responses.delete(event.response.id);
    } else if (event.type === "error") {
      const { event_id } = event.error;
      this.#unsure.delete(event_id);
      this.#asked = this.#asked.filter((each) => each !== event_id);
      this.#settle(event_id, (each) => each.reject(new RequestError(event.error)));
    }
    this.#emit(event.type, event);
    this.#emit("*", event);
  }

  #media(streams, data) {
    const found = streams.decode(data);
    if (found?.kind === "audio") this.#emit("audio", found);
    else for (const frame of found?.frames ?? []) this.#emit(found.kind, frame);
  }

  #emit(type, value) {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) listener(value);
  }

  #once(matches) {
    return new Promise((resolve, reject) => {
      const ends = [
        this.on("*", (event) => matches(event) && finish(() => resolve(event))),
        this.on("close", () => finish(() => reject(new ConnectionError("The connection is closed.")))),
      ];
      const finish = (settle) => {
        ends.forEach((end) => end());
        settle();
      };
    });
  }

  #settle(event_id, settle) {
    const waiting = this.#pending.get(event_id);
    this.#pending.delete(event_id);
    if (waiting) settle(waiting);
  }

  async #broken(code, reason) {
    const mayResume = this.#token && this.#options.resume !== false;
    if (this.#closing || !mayResume || FINAL_CODES.has(code)) return this.#end(code, reason);
    this.#held = [];
    this.#emit("reconnecting", { code, reason });
    const deadline = Date.now() + this.#validMs;
    for (let tries = 0; Date.now() < deadline && !this.#closing; tries++) {
      await new Promise((wake) => setTimeout(wake, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]));
      try {
        return await this.#connect({ token: this.#token, last_event_id: this.#lastEventId });
      } catch (error) {
        if (FINAL_CODES.has(error.code)) return this.#end(error.code, error.message);
      }
    }
    this.#end(code, reason);
  }

  /** The old session is gone: what was asked of it will not be answered. */
  #forget(event, fresh) {
    this.#clock = null;
    this.#lastEventId = fresh?.event_id ?? null;
    this.#token = fresh?.token ?? null;
    this.#reject(new RequestError(event.error));
    this.#emit("lost", event.error);
  }

  #end(code, reason) {
    this.#held = null;
    this.#isOver = true;
    this.#reject(new ConnectionError("The connection was closed before the answer ended.", code));
    this.#emit("close", { code, reason });
  }

  #reject(error) {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#responses.clear();
    this.#unsure.clear();
    this.#asked = [];
  }
}

/** This machine's time in whole microseconds. */
function now() {
  return Math.round(1000 * performance.now());
}

function address(url, model) {
  const found = new URL(url);
  found.protocol = found.protocol.replace("http", "ws");
  if (found.pathname === "/") found.pathname = PATH;
  if (model) found.searchParams.set("model", model);
  return found.href;
}

async function socketClass(given) {
  if (given ?? globalThis.WebSocket) return given ?? globalThis.WebSocket;
  try {
    return (await import("ws")).WebSocket;
  } catch {
    throw new ConnectionError(
      "Expected a WebSocket, found none: before Node 22 run `npm install ws`, or give " +
        "connect(url, { WebSocket }) a class of your own.",
    );
  }
}
