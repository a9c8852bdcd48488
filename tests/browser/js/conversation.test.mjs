import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Conversation } from '../../../idol_runtime/web/src/conversation.js';
import { Memory } from '../../../idol_runtime/web/src/memory.js';
import { Played } from '../../../idol_runtime/web/src/played.js';

/** A page without a page: what goes out, what is heard, what is read. */
class Page {
  sent = [];
  asked = [];
  lines = new Map();
  notices = [];
  given = [];
  isOpen = true;
  isAudible = false;
  playedUs = 1_500_000;
  hushes = 0;
  isHushed = false;
  conversation = new Conversation({
    send: (event) => {
      if (this.isOpen) this.sent.push(event);
      if (event.type === 'response.create') this.asked.push(event.response.metadata);
      return this.isOpen;
    },
    sound: this,
    log: {
      add: (who, text, id) => { if (!this.lines.has(id)) this.lines.set(id, { who, text }); },
      write: (id, delta) => { this.lines.get(id).text += delta; },
      settle: (id, text, isCut) => (text ? Object.assign(this.lines.get(id), { text, isCut }) : this.lines.delete(id)),
      refuse: (id) => { this.lines.get(id).isRefused = true; },
    },
    notice: (sentence) => this.notices.push(sentence),
    giveBack: (text) => this.given.push(text),
  });

  playedMs() { return 700; }
  hush({ more }) {
    this.hushes += 1;
    this.isHushed = more;
    this.isAudible = false;
  }
  speak() { this.isHushed = false; }

  take(...events) { events.forEach((event) => this.conversation.received(event)); }
  kinds() { return this.sent.splice(0).map(({ type }) => type.replace('conversation.', '')); }
  texts() { return [...this.lines.values()].map(({ text }) => text); }
  answers(k) {
    const metadata = this.asked.shift();
    this.take({ type: 'response.created', response: { id: `r${k}`, metadata } }, { type: 'response.output_item.added', response_id: `r${k}`, item: { id: `i${k}` } });
    this.take({ type: 'response.output_audio_transcript.delta', response_id: `r${k}`, item_id: `i${k}`, delta: 'One. Two.' });
  }
  ended(k, status, transcript) {
    this.take({ type: 'response.done', response: { id: `r${k}`, status, output: [{ id: `i${k}`, content: [{ transcript }] }] } });
  }
}

const OVER_HER = ['idol.playback.progress', 'response.cancel', 'item.truncate', 'item.retrieve', 'item.create', 'response.create'];

test('what is said in silence is added and answered', () => {
  const page = new Page();
  assert.ok(page.conversation.say('Hello.'));
  assert.deepEqual(page.kinds(), ['item.create', 'response.create']);
  assert.equal(page.hushes, 0);
  assert.deepEqual(page.texts(), ['Hello.']);
});

test('what another character of her scene says has its name in front', () => {
  const page = new Page();
  const said = (id, text, more) => ({ id, type: 'message', role: 'user', content: [{ type: 'input_text', text }], ...more });
  page.take(
    { type: 'conversation.item.added', item: said('x', 'Good evening.') },
    { type: 'conversation.item.added', item: said('y', 'Come in.', { speaker: 'Ren' }) },
  );
  assert.deepEqual(page.texts(), ['Good evening.', 'Ren: Come in.']);
});

test('talking over her stops the sound, tells what was heard, and asks anew', () => {
  const page = new Page();
  page.conversation.say('Hello.');
  page.answers(1);
  page.kinds();
  page.conversation.say('Wait!');
  assert.ok(page.isHushed);
  const [progress, , cut] = page.sent;
  assert.equal(progress.pts_us, 1_500_000);
  assert.equal(cut.item_id, 'i1');
  assert.equal(cut.audio_end_ms, 700);
  assert.deepEqual(page.kinds(), OVER_HER);
  page.ended(1, 'cancelled', 'One. Two.');
  page.take({ type: 'conversation.item.retrieved', item: { id: 'i1', content: [{ transcript: 'One.' }] } });
  page.answers(2);
  assert.ok(!page.isHushed);
  assert.deepEqual(page.texts(), ['Hello.', 'One.', 'Wait!', 'One. Two.']);
});

test('of an answer that went on while the page was away, the server says what was heard', () => {
  const page = new Page();
  page.conversation.say('Hello.');
  page.take({ type: 'conversation.item.added', item: { ...page.sent[0].item } });
  page.answers(1);
  page.conversation.resumed();
  page.conversation.caughtUp();
  page.kinds();
  page.conversation.say('Wait!');
  assert.deepEqual(page.kinds(), ['idol.playback.progress', 'response.cancel', 'item.create', 'response.create']);
  page.ended(1, 'cancelled', 'One.');
  page.answers(2);
  assert.deepEqual(page.texts(), ['Hello.', 'One.', 'Wait!', 'One. Two.']);
  page.conversation.say('And the next is counted again.');
  assert.deepEqual(page.kinds(), OVER_HER);
});

test('several in quick succession: each is added, and only the last is answered to its end', () => {
  const page = new Page();
  for (const text of ['One', 'Two', 'Three']) page.conversation.say(text);
  assert.deepEqual(page.kinds(), [
    'item.create', 'response.create',
    'idol.playback.progress', 'response.cancel', 'item.create', 'response.create',
    'idol.playback.progress', 'response.cancel', 'item.create', 'response.create',
  ]);
  page.answers(1);
  assert.ok(page.isHushed, 'nothing is heard of an answer that is over before it begins');
  page.ended(1, 'cancelled', '');
  page.answers(2);
  page.ended(2, 'cancelled', '');
  assert.ok(page.conversation.isAnswering);
  page.answers(3);
  assert.ok(!page.isHushed);
  page.ended(3, 'completed', 'One. Two.');
  assert.deepEqual(page.texts(), ['One', 'Two', 'Three', 'One. Two.']);
  assert.ok(!page.conversation.isAnswering);
});

test('sound that outlasts its answer is cut where it was heard, and nothing is cancelled', () => {
  const page = new Page();
  page.conversation.say('Hello.');
  page.answers(1);
  page.ended(1, 'completed', 'One. Two.');
  page.isAudible = true;
  page.kinds();
  page.conversation.stop();
  assert.deepEqual(page.kinds(), ['idol.playback.progress', 'item.truncate', 'item.retrieve']);
  assert.ok(!page.isHushed);
  page.take({ type: 'conversation.item.retrieved', item: { id: 'i1', content: [{ transcript: 'One.' }] } });
  assert.deepEqual(page.texts(), ['Hello.', 'One.']);
});

test('an answer of which nothing was heard leaves no line', () => {
  const page = new Page();
  page.conversation.say('Hello.');
  page.answers(1);
  page.conversation.stop();
  page.ended(1, 'cancelled', '');
  page.take({ type: 'conversation.item.retrieved', item: { id: 'i1', content: [{ transcript: '' }] } });
  assert.deepEqual(page.texts(), ['Hello.']);
});

test('stopping in silence does nothing, and stopping twice does it once', () => {
  const page = new Page();
  page.conversation.stop();
  assert.deepEqual(page.kinds(), []);
  page.conversation.say('Hello.');
  page.answers(1);
  page.kinds();
  page.conversation.stop();
  page.conversation.stop();
  assert.deepEqual(page.kinds(), OVER_HER.slice(0, 4));
});

test('that she had just stopped by herself is no error', () => {
  const page = new Page();
  page.conversation.say('Hello.');
  page.answers(1);
  page.conversation.stop();
  page.take({ type: 'error', error: { code: 'response_cancel_not_active', message: 'none is being given', event_id: 'hush' } });
  assert.deepEqual(page.notices, []);
  assert.ok(!page.isHushed);
});

test('an answer that another one is in the way of is asked for when that one ends', () => {
  const page = new Page();
  page.conversation.say('Hello.');
  const { event_id: ask } = page.sent[1];
  page.kinds();
  page.take({ type: 'error', error: { code: 'conversation_already_has_active_response', message: 'busy', event_id: ask } });
  assert.deepEqual(page.notices, []);
  page.ended('of another', 'completed', '');
  assert.deepEqual(page.kinds(), ['response.create']);
});

test('what the server does not take is given back with its reason', () => {
  const page = new Page();
  page.conversation.say('Hello.');
  const { event_id: about } = page.sent[0];
  page.take({ type: 'error', error: { code: 'conversation_full', message: 'A conversation holds at most 1000 items.', event_id: about } });
  assert.deepEqual(page.given, ['Hello.']);
  assert.deepEqual(page.notices, ['A conversation holds at most 1000 items.']);
  assert.ok([...page.lines.values()][0].isRefused);
});

test('an answer that fails says why', () => {
  const page = new Page();
  page.conversation.say('Hello.');
  page.answers(1);
  page.take({ type: 'response.done', response: { id: 'r1', status: 'failed', status_details: { error: { message: 'The voice is not ready.' } } } });
  assert.deepEqual(page.notices, ['The voice is not ready.']);
  assert.ok(!page.conversation.isAnswering);
});

test('another client of a shared character is heard and can be stopped', () => {
  const page = new Page();
  page.asked.push(undefined);
  page.answers(1);
  page.kinds();
  page.conversation.stop();
  assert.deepEqual(page.kinds(), OVER_HER.slice(0, 4));
});

test('without a connection nothing is taken', () => {
  const page = new Page();
  page.isOpen = false;
  assert.ok(!page.conversation.say('Hello.'));
  assert.deepEqual(page.texts(), []);
});

test('what was lost on the way goes out again under its id, what arrived does not', () => {
  const page = new Page();
  page.conversation.say('One');
  const one = page.sent[0].item;
  page.take({ type: 'conversation.item.added', item: { ...one } });
  page.conversation.say('Two');
  const two = page.sent.find(({ item }) => item && item.id !== one.id).item;
  page.kinds();
  const later = new Page();
  later.conversation.restore(JSON.parse(JSON.stringify(page.conversation.state)));
  later.conversation.resumed();
  assert.deepEqual(later.sent[0].item, two);
  assert.deepEqual(later.kinds(), ['item.create', 'response.create']);
  later.take({ type: 'error', error: { code: 'invalid_item_id', message: 'taken', event_id: `say:${two.id}` } });
  assert.deepEqual(later.notices, []);
});

test('what others say to a shared character is read as well, once', () => {
  const page = new Page();
  const item = { id: 'theirs', role: 'user', content: [{ text: 'Hi all' }] };
  page.take({ type: 'conversation.item.added', item }, { type: 'conversation.item.added', item });
  assert.deepEqual(page.texts(), ['Hi all']);
});

test('played sound is counted without its pauses and up to the ear', () => {
  const played = new Played();
  assert.equal(played.ms('a', 1e9), null);
  played.begins('a', 1_000_000);
  played.sound(1_000_000, 500_000);
  played.sound(1_500_000, 500_000);
  played.sound(3_000_000, 1_000_000);
  assert.equal(played.ms('a', 900_000), 0);
  assert.equal(played.ms('a', 1_250_000), 250);
  assert.equal(played.ms('a', 2_500_000), 1000);
  assert.equal(played.ms('a', 3_250_000), 1250);
  played.begins('b', 4_000_000);
  played.sound(4_000_000, 400_000);
  assert.equal(played.ms('a', 9_000_000), 2000);
  assert.equal(played.ms('b', 4_100_000), 100);
});

test('what is kept over a reload is taken once and only in time', () => {
  const stored = new Map();
  const storage = { getItem: (key) => stored.get(key) ?? null, setItem: (key, value) => stored.set(key, value), removeItem: (key) => stored.delete(key) };
  let now = 0;
  const memory = new Memory(storage, 'ws://here', () => now);
  assert.equal(memory.take(), null);
  memory.keep({ a: 1 }, 60);
  assert.equal(new Memory(storage, 'ws://elsewhere').take(), null);
  now = 59_000;
  assert.deepEqual(memory.take(), { a: 1 });
  assert.equal(memory.take(), null);
  memory.keep({ a: 1 }, 60);
  now = 120_000;
  assert.equal(memory.take(), null);
  stored.set('idol.stage:ws://here', 'no JSON');
  assert.equal(memory.take(), null);
  const full = { getItem: () => null, removeItem() {}, setItem() { throw new Error('full'); } };
  new Memory(full, 'ws://here').keep({}, 60);
  new Memory(null, 'ws://here').keep({}, 60);
});
