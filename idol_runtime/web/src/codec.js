// The binary lane: a 16-byte little-endian header, then whole frames (docs: protocol, `codec.py`).

export const HEADER_BYTES = 16;
const KINDS = { 1: 'audio', 2: 'face', 3: 'pose' };
const WEIGHTS = 52;
const VALUES = { face: 59, pose: 22 * 4 + 3 };

/** Reads the header of a message (ArrayBuffer). Throws a sentence on anything else. */
export function decodeHeader(buffer) {
  if (buffer.byteLength < HEADER_BYTES) {
    throw new Error(`Expected at least ${HEADER_BYTES} bytes in a media message, found ${buffer.byteLength}.`);
  }
  const view = new DataView(buffer);
  const version = view.getUint8(0);
  const kind = KINDS[view.getUint8(1)];
  if (version !== 1) throw new Error(`Expected media of version 1, found ${version}; reload the page.`);
  if (!kind) throw new Error(`Expected audio, face or pose (1 to 3), found kind ${view.getUint8(1)}.`);
  return {
    kind,
    streamId: view.getUint16(2, true),
    seq: view.getUint32(4, true),
    ptsUs: Number(view.getBigUint64(8, true)),
  };
}

/** IEEE 754 half precision from its 16 bits. */
export function halfToFloat(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const READERS = {
  f32: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  f16: { bytes: 2, read: (view, at) => halfToFloat(view.getUint16(at, true)) },
  u8: { bytes: 1, read: (view, at, k) => (k < WEIGHTS ? view.getUint8(at) / 255 : ((view.getUint8(at) - 128) / 127) * 90) },
};

/** Samples of an audio message as floats in [-1, 1). */
export function decodeAudio(buffer) {
  const view = new DataView(buffer, HEADER_BYTES);
  const samples = new Float32Array(view.byteLength >> 1);
  for (let k = 0; k < samples.length; k++) samples[k] = view.getInt16(2 * k, true) / 32768;
  return samples;
}

/** Frames of a face or pose message: [{ptsUs, values}], in the order `stream` announced. */
export function decodeFrames(buffer, header, stream) {
  const reader = READERS[stream.dtype];
  if (!reader) throw new Error(`Expected a stream of f32, f16 or u8, found ${stream.dtype}.`);
  const count = VALUES[header.kind];
  const view = new DataView(buffer, HEADER_BYTES);
  const frameBytes = count * reader.bytes;
  if (view.byteLength === 0 || view.byteLength % frameBytes) {
    throw new Error(`Expected whole ${header.kind} frames of ${frameBytes} bytes, found ${view.byteLength} bytes.`);
  }
  const frames = [];
  for (let start = 0; start < view.byteLength; start += frameBytes) {
    const values = new Float32Array(count);
    for (let k = 0; k < count; k++) values[k] = reader.read(view, start + k * reader.bytes, k);
    frames.push({ ptsUs: header.ptsUs + Math.round((frames.length * 1e6) / stream.fps), values });
  }
  return frames;
}
