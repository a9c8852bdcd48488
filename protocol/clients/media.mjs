// Reads the binary messages of the idol.v1 subprotocol, for those who hold the socket themselves
// (idol.mjs is a whole client). No dependencies; browsers and Node.
//
//   const streams = new Streams();
//   socket.binaryType = "arraybuffer";
//   socket.onmessage = ({ data }) => {
//     if (typeof data === "string") streams.note(JSON.parse(data));
//     else play(streams.decode(data));
//   };

const HEADER_BYTES = 16;
const KINDS = { 1: "audio", 2: "face", 3: "pose" };
const MAX_MESSAGE_BYTES = 32 * 1024;
/** Bytes of a value, of each kind in each type that it can have. */
const BYTES = {
  audio: { pcm16: 2 },
  face: { f32: 4, f16: 2, u8: 1 },
  pose: { f32: 4, f16: 2 },
};
const WEIGHTS = 52;
const ANGLES = 7;
const FRAME_VALUES = { audio: 1, face: WEIGHTS + ANGLES, pose: 22 * 4 + 3 };
const ANGLE_LIMIT_DEG = 90;

/** A message that is not of this protocol. */
export class ProtocolError extends Error {}

/** The open streams of a connection. */
export class Streams {
  #opened = new Map();

  /** Takes every control event; keeps the streams that open and close. */
  note(event) {
    if (event.type === "idol.stream.opened") this.#opened.set(event.stream_id, event);
    if (event.type === "idol.stream.closed") this.#opened.delete(event.stream_id);
  }

  /** Decodes one binary message, or returns null when its stream is not open (any more). */
  decode(buffer) {
    const header = readHeader(view(buffer));
    const stream = this.#opened.get(header.stream_id);
    return stream ? decodeMessage(buffer, stream) : null;
  }
}

/** The 16 bytes that every binary message begins with. */
export function readHeader(data) {
  if (data.byteLength < HEADER_BYTES) {
    throw new ProtocolError(`Expected ${HEADER_BYTES} bytes or more, found ${data.byteLength}.`);
  }
  if (data.byteLength > MAX_MESSAGE_BYTES) {
    throw new ProtocolError(`Expected ${MAX_MESSAGE_BYTES} bytes or fewer, found ${data.byteLength}.`);
  }
  const version = data.getUint8(0);
  if (version !== 1) throw new ProtocolError(`Expected version 1, found ${version}.`);
  const kind = KINDS[data.getUint8(1)];
  if (!kind) throw new ProtocolError(`Expected kind 1, 2 or 3, found ${data.getUint8(1)}.`);
  return {
    kind,
    stream_id: data.getUint16(2, true),
    seq: data.getUint32(4, true),
    // Exact up to 2 ** 53 microseconds, which is 285 years.
    pts_us: Number(data.getBigUint64(8, true)),
  };
}

/**
 * Decodes one binary message of the stream that `idol.stream.opened` announced.
 *
 * Audio: {kind, seq, pts_us, samples: Int16Array}.
 * Face and pose: {kind, seq, frames: [{pts_us, values: Float32Array}]}, values in the order of
 * the stream's channels (a pose has four values for each bone, then three of the hips).
 */
export function decodeMessage(buffer, stream) {
  const data = view(buffer);
  const { kind, stream_id, seq, pts_us } = readHeader(data);
  if (kind !== stream.kind || stream_id !== stream.stream_id) {
    throw new ProtocolError(`Expected ${stream.kind} of stream ${stream.stream_id}.`);
  }
  const types = Object.keys(BYTES[kind]);
  if (!types.includes(stream.dtype)) {
    throw new ProtocolError(`Expected ${kind} as ${types.join(" or ")}, found ${stream.dtype}.`);
  }
  if (kind !== "audio" && !(stream.fps >= 1)) {
    throw new ProtocolError(`Expected a stream with frames a second, found ${stream.fps}.`);
  }
  const frameBytes = FRAME_VALUES[kind] * BYTES[kind][stream.dtype];
  const payload = data.byteLength - HEADER_BYTES;
  if (payload === 0 || payload % frameBytes) {
    throw new ProtocolError(`Expected whole frames of ${frameBytes} bytes, found ${payload}.`);
  }
  const count = payload / frameBytes;
  if (kind === "audio") {
    const samples = new Int16Array(count);
    for (let i = 0; i < count; i++) samples[i] = data.getInt16(HEADER_BYTES + 2 * i, true);
    return { kind, seq, pts_us, samples };
  }
  const frames = [];
  for (let i = 0; i < count; i++) {
    frames.push({
      pts_us: pts_us + Math.round((i * 1e6) / stream.fps),
      values: readValues(data, HEADER_BYTES + i * frameBytes, FRAME_VALUES[kind], stream.dtype),
    });
  }
  return { kind, seq, frames };
}

function readValues(data, offset, count, dtype) {
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    if (dtype === "f32") values[i] = data.getFloat32(offset + 4 * i, true);
    else if (dtype === "f16") values[i] = half(data.getUint16(offset + 2 * i, true));
    else values[i] = faceByte(data.getUint8(offset + i), i);
  }
  return values;
}

function faceByte(byte, channel) {
  if (channel < WEIGHTS) return byte / 255;
  return Math.max(-ANGLE_LIMIT_DEG, ((byte - 128) / 127) * ANGLE_LIMIT_DEG);
}

function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function view(buffer) {
  return ArrayBuffer.isView(buffer)
    ? new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new DataView(buffer);
}
