import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Connection } from '../../../idol_runtime/web/src/connection.js';

class FakeSocket {
  static OPEN = 1;
  static made = [];
  sent = [];
  readyState = 0;
  constructor(url) {
    this.url = url;
    FakeSocket.made.push(this);
  }
  send(text) { this.sent.push(JSON.parse(text)); }
  close(code = 1005) { this.lose(code); }
  open() {
    this.readyState = FakeSocket.OPEN;
    this.onopen();
  }
  tell(...events) { events.forEach((event) => this.onmessage({ data: JSON.stringify(event) })); }
  lose(code = 1006) {
    this.readyState = 3;
    this.onclose({ code });
  }
}

/** A connection whose timers are run by hand; what it did, in words. */
function connect(t, options = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  t.mock.method(Math, 'random', () => 0.5);
  globalThis.WebSocket = FakeSocket;
  FakeSocket.made = [];
  const told = [];
  const waits = [];
  const connection = new Connection('ws://here', {
    open: (isComingBack) => told.push(isComingBack ? 'open again' : 'open'),
    resumed: () => told.push('resumed'),
    caughtUp: () => told.push('caught up'),
    begunAnew: () => told.push('begun anew'),
    event: ({ type }) => told.push(type),
    media: () => told.push('media'),
    lost: (wait) => waits.push(wait),
    taken: () => told.push('taken'),
  }, options);
  return { connection, told, waits, socket: () => FakeSocket.made.at(-1) };
}

const beginning = (token) => [
  { type: 'session.created', event_id: 'event_1' }, { type: 'idol.character', event_id: 'event_2' },
  { type: 'idol.resume.token', event_id: 'event_3', token, valid_s: 60 }, { type: 'idol.stream.opened', event_id: 'event_4' },
];

test('a connection that was lost goes on with its session: only what it missed is told', (t) => {
  const { connection, told, socket } = connect(t);
  socket().open();
  socket().tell(...beginning('first'), { type: 'idol.activity', event_id: 'event_9' });
  socket().lose();
  t.mock.timers.tick(500);
  socket().open();
  assert.deepEqual(socket().sent[0], { type: 'idol.resume', event_id: 'resume', token: 'first', last_event_id: 'event_9' });
  told.length = 0;
  socket().tell(...beginning('of a session that ends at once'));
  socket().onmessage({ data: new ArrayBuffer(16) });
  assert.deepEqual(told, []);
  socket().tell({ type: 'response.done', event_id: 'event_10' }, { type: 'idol.resumed', event_id: 'event_11', replayed: 1, complete: true });
  assert.deepEqual(told, ['idol.character', 'resumed', 'response.done', 'caught up']);
  socket().tell({ type: 'idol.resume.token', event_id: 'event_12', token: 'second', valid_s: 60 });
  assert.deepEqual(connection.resume, { token: 'second', validS: 60, lastEventId: 'event_12' });
});

test('a session that is gone is begun anew with the events of the new one', (t) => {
  const { connection, told, socket } = connect(t, { resume: { token: 'old', validS: 60, lastEventId: 'event_7' } });
  socket().open();
  socket().tell(...beginning('new'), { type: 'error', error: { code: 'session_not_found', event_id: 'resume' } });
  assert.deepEqual(told, ['open again', 'begun anew', 'session.created', 'idol.character', 'idol.resume.token', 'idol.stream.opened']);
  assert.equal(connection.resume.token, 'new');
});

test('it tries for ever, ever less often, and anew from the start once it was let in', (t) => {
  const { waits, socket } = connect(t);
  for (let k = 0; k < 7; k++) {
    socket().lose();
    t.mock.timers.tick(waits.at(-1));
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
  socket().open();
  socket().tell({ type: 'error', error: { message: 'no token' } });
  socket().lose(4401);
  assert.equal(waits.at(-1), 8000);
  t.mock.timers.tick(8000);
  socket().open();
  socket().tell(...beginning('a'));
  socket().lose();
  assert.equal(waits.at(-1), 500);
});

test('who watches looks again at once where the session has passed, and has none to come back to', (t) => {
  const { connection, waits, socket } = connect(t, { watches: true });
  socket().open();
  socket().tell(...beginning('a'));
  assert.equal(connection.resume, null);
  socket().lose(1012);
  assert.equal(waits.at(-1), 100);
  t.mock.timers.tick(100);
  socket().lose(1012);
  assert.equal(waits.at(-1), 1000);
});

test('a session that another tab took is left to it', (t) => {
  const { connection, told, waits, socket } = connect(t);
  socket().open();
  socket().tell(...beginning('a'));
  socket().lose(4409);
  t.mock.timers.tick(60_000);
  assert.equal(told.at(-1), 'taken');
  assert.deepEqual(waits, []);
  assert.equal(connection.resume, null);
  assert.equal(FakeSocket.made.length, 1);
});
