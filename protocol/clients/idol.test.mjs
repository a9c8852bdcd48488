// Decodes the golden fixtures with the JavaScript client: node --test protocol/clients/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ProtocolError, Streams, decodeMessage } from "./idol.mjs";

const fixtures = new URL("../fixtures/", import.meta.url);
const media = JSON.parse(readFileSync(new URL("media.json", fixtures)));

for (const { file, stream, expected } of media) {
  test(`${file} holds what it says`, () => {
    const streams = new Streams();
    const bytes = readFileSync(new URL(file, fixtures));
    assert.equal(streams.decode(bytes), null);
    streams.note(stream);
    const found = streams.decode(bytes);
    assert.equal(found.seq, expected.seq);
    if (stream.kind === "audio") {
      assert.equal(found.pts_us, expected.pts_us);
      assert.deepEqual([...found.samples], expected.samples);
      return;
    }
    assert.equal(found.frames.length, expected.frames.length);
    found.frames.forEach(({ pts_us, values }, index) => {
      assert.equal(pts_us, expected.frames[index].pts_us);
      values.forEach((value, channel) => {
        const wanted = expected.frames[index].values[channel];
        assert.ok(Math.abs(value - wanted) < 1e-5, `${channel}: ${value} for ${wanted}`);
      });
    });
  });
}

test("bytes that are not ours are refused", () => {
  const [{ file, stream }] = media;
  const bytes = readFileSync(new URL(file, fixtures));
  const changed = (change) => {
    const copy = Uint8Array.from(bytes);
    change(copy);
    return copy;
  };
  for (const bad of [
    new Uint8Array(0),
    bytes.subarray(0, 15),
    bytes.subarray(0, 16),
    bytes.subarray(0, 17),
    changed((copy) => (copy[0] = 2)),
    changed((copy) => (copy[1] = 9)),
    changed((copy) => (copy[2] = 77)),
  ]) {
    assert.throws(() => decodeMessage(bad, stream), ProtocolError);
  }
});

test("a closed stream is not decoded", () => {
  const streams = new Streams();
  const { file, stream } = media[0];
  streams.note(stream);
  streams.note({ type: "idol.stream.closed", stream_id: stream.stream_id });
  assert.equal(streams.decode(readFileSync(new URL(file, fixtures))), null);
});
