// Decodes with the JavaScript client what comes line by line, and answers each with a line.
//
//   {"stream": {...}, "message": base64}  ->  {"seq", "pts_us": [...], "values": base64 of f32 or i16}
//                                         or  {"refused": sentence}
import { createInterface } from "node:readline";
import { ProtocolError, decodeMessage } from "../../protocol/clients/idol.mjs";

const bytes = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

function decoded(message, stream) {
  const { seq, pts_us, samples, frames } = decodeMessage(Buffer.from(message, "base64"), stream);
  if (samples) return { seq, pts_us: [pts_us], values: bytes(samples).toString("base64") };
  const values = Buffer.concat(frames.map((frame) => bytes(frame.values)));
  return { seq, pts_us: frames.map((frame) => frame.pts_us), values: values.toString("base64") };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { message, stream } = JSON.parse(line);
  let answer;
  try {
    answer = decoded(message, stream);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    answer = { refused: error.message };
  }
  console.log(JSON.stringify(answer));
}
