// What is said to her and by her, as this page has it: talking over her, stopping her, and nothing lost.
// Knows the protocol's events; of sound it only knows how far it was played.

/** `event_id` of what may fail without harm: she had just stopped by herself. */
const HUSH = 'hush';
const ASK = 'ask:';
const SAY = 'say:';
const BUSY = 'conversation_already_has_active_response';
const TAKEN = 'invalid_item_id';

const newId = () => `said_${Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
const textOf = (item) => (item.content ?? []).map((part) => part.transcript ?? part.text ?? '').join('\n');

export class Conversation {
  #send;
  #sound;
  #log;
  #notice;
  #giveBack;
  #asked = []; // {id, isOver}: asked for, and not begun; over where it was stopped before that
  #answer = null; // {responseId, itemId} of the one that is given
  #heard = null; // the item of the answer that is heard, which may have ended already
  #missed = null; // an item that was spoken while the connection was away: how much of it was heard is not known
  #owed = false; // asked for while another answer was being given
  #unsent = new Map(); // what the server has not confirmed: item id -> text
  #fetching = new Set(); // items of which only what was heard is to be shown

  /**
   * `send(event)`: whether it went out. `sound`: {hush(), speak(), isAudible, playedUs, playedMs(itemId)}.
   * `log`: {add(who, text, id), write(id, delta), settle(id, text, isCut), refuse(id)}. `notice(sentence)`.
   * `giveBack(text)`: what was said and not taken.
   */
  constructor({ send, sound, log, notice, giveBack }) {
    this.#send = send;
    this.#sound = sound;
    this.#log = log;
    this.#notice = notice;
    this.#giveBack = giveBack;
  }

  /** Whether she is to answer something, or is heard answering. */
  get isAnswering() {
    return this.#answer !== null || this.#asked.some(({ isOver }) => !isOver) || this.#sound.isAudible;
  }

  get state() {
    return { asked: this.#asked, answer: this.#answer, heard: this.#heard, owed: this.#owed, unsent: [...this.#unsent] };
  }

  restore({ asked, answer, heard, owed, unsent }) {
    this.#asked = asked;
    this.#answer = answer;
    this.#heard = heard;
    this.#owed = owed;
    this.#unsent = new Map(unsent);
  }

  /** Says something to her, over her own words if need be. Whether it went out. */
  say(text) {
    const id = newId();
    this.stop();
    this.#unsent.set(id, text);
    if (!this.#put(id, text)) {
      this.#unsent.delete(id);
      return false;
    }
    this.#log.add('user', text, id);
    this.ask();
    return true;
  }

  /** Asks for an answer to what was said, or for her greeting. */
  ask() {
    const id = newId();
    this.#asked.push({ id, isOver: false });
    this.#send({ type: 'response.create', event_id: ASK + id, response: { metadata: { asked: id } } });
  }

  /** Stops her where she is heard now. */
  stop() {
    if (!this.isAnswering) return;
    const { playedUs } = this.#sound;
    const isGiven = this.#answer !== null || this.#asked.some(({ isOver }) => !isOver);
    const itemId = this.#answer ? this.#answer.itemId : this.#heard;
    const playedMs = itemId && itemId !== this.#missed ? this.#sound.playedMs(itemId) : null;
    this.#sound.hush({ more: isGiven });
    if (playedUs !== null) this.#send({ type: 'idol.playback.progress', event_id: HUSH, pts_us: Math.max(0, Math.round(playedUs)) });
    if (isGiven) this.#send({ type: 'response.cancel', event_id: HUSH });
    if (playedMs !== null) {
      this.#send({ type: 'conversation.item.truncate', event_id: HUSH, item_id: itemId, content_index: 0, audio_end_ms: playedMs });
      this.#send({ type: 'conversation.item.retrieve', event_id: HUSH, item_id: itemId });
      this.#fetching.add(itemId);
    }
    for (const asked of this.#asked) asked.isOver = true;
    this.#answer = null;
    this.#heard = null;
    this.#owed = false;
  }

  /** The same conversation goes on over another connection: what was lost on the way goes out again. */
  resumed() {
    this.#again();
  }

  /** All that happened meanwhile was received. Of what she was saying, the server knows best what was heard. */
  caughtUp() {
    this.#missed = this.#heard;
  }

  /** The server knows nothing of the conversation any more. */
  begunAnew() {
    this.#asked = [];
    this.#answer = null;
    this.#heard = null;
    this.#owed = false;
    this.#fetching.clear();
    this.#again();
  }

  /** Takes an event of the server. */
  received(event) {
    switch (event.type) {
      case 'conversation.item.added': return this.#added(event.item);
      case 'conversation.item.retrieved': return this.#retrieved(event.item);
      case 'response.created': return this.#created(event.response);
      case 'response.output_item.added': return this.#begun(event.response_id, event.item);
      case 'response.output_audio_transcript.delta':
      case 'response.output_text.delta': return this.#log.write(event.item_id, event.delta);
      case 'response.done': return this.#done(event.response);
      case 'error': return this.#refused(event.error);
      default: return undefined;
    }
  }

  #put(id, text) {
    const item = { id, type: 'message', role: 'user', content: [{ type: 'input_text', text }] };
    return this.#send({ type: 'conversation.item.create', event_id: SAY + id, item });
  }

  #again() {
    if (!this.#unsent.size) return;
    for (const [id, text] of this.#unsent) this.#put(id, text);
    this.ask();
  }

  #added(item) {
    if (item.role !== 'user') return;
    if (this.#unsent.delete(item.id)) return;
    // In a scene another character may have said it.
    this.#log.add('user', item.speaker ? `${item.speaker}: ${textOf(item)}` : textOf(item), item.id);
  }

  #retrieved(item) {
    if (this.#fetching.delete(item.id)) this.#log.settle(item.id, textOf(item), true);
  }

  #created({ id, metadata }) {
    const at = metadata?.asked ? this.#asked.findIndex((asked) => asked.id === metadata.asked) : 0;
    const [asked] = at < 0 ? [] : this.#asked.splice(0, at + 1).slice(-1);
    if (asked?.isOver) return; // its cancelling is on the way
    this.#answer = { responseId: id, itemId: null };
    this.#sound.speak();
  }

  #begun(responseId, { id }) {
    if (this.#answer?.responseId === responseId) {
      this.#answer.itemId = id;
      this.#heard = id;
    }
    this.#log.add('character', '', id);
  }

  #done({ id, status, output, status_details: details }) {
    for (const item of output ?? []) this.#log.settle(item.id, textOf(item), status === 'cancelled');
    if (status === 'failed') this.#notice(details?.error?.message ?? 'The answer failed.');
    if (this.#answer?.responseId === id) this.#answer = null;
    if (this.#owed && !this.#answer) {
      this.#owed = false;
      this.ask();
    }
  }

  #refused({ code, message, event_id: about }) {
    if (about === HUSH) {
      this.#sound.speak();
      return;
    }
    if (about?.startsWith(ASK)) {
      const asked = this.#asked.find(({ id }) => id === about.slice(ASK.length));
      this.#asked = this.#asked.filter((each) => each !== asked);
      if (asked?.isOver) return;
      if (code === BUSY) {
        this.#owed = true;
        return;
      }
    }
    if (about?.startsWith(SAY)) {
      const id = about.slice(SAY.length);
      const text = this.#unsent.get(id);
      this.#unsent.delete(id);
      if (code === TAKEN || text === undefined) return;
      this.#log.refuse(id);
      this.#giveBack(text);
    }
    this.#notice(message);
  }
}
