// OpenAI's JavaScript client, unmodified: two turns, the first interrupted. Prints what came as JSON.
import net from "node:net";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

const [baseURL, ...questions] = process.argv.slice(2);
const client = new OpenAI({ apiKey: "any", baseURL });
// The client asks for wss:// whatever its baseURL is; on this machine the connection is a plain one.
const createConnection = ({ host, port }) => net.connect(port, host);
const realtime = new OpenAIRealtimeWS({ model: "gpt-realtime", options: { createConnection } }, client);
const found = { events: [], errors: [], sound: [], interrupted: [], said: [] };

function ask(question) {
  const content = [{ type: "input_text", text: question }];
  realtime.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  realtime.send({ type: "response.create" });
  found.sound.push(0);
}

function next() {
  if (questions.length) return ask(questions.shift());
  realtime.close();
  console.log(JSON.stringify(found));
}

const timer = setTimeout(() => { console.error("no answer in four minutes"); process.exit(1); }, 240_000);
realtime.on("event", (event) => found.events.push(event));
realtime.on("error", (error) => { found.errors.push(error.message); });
realtime.socket.on("open", () => {
  const audio = { input: { turn_detection: { type: "server_vad" } }, output: { voice: "alloy" } };
  const instructions = "You are Hoshi, who loves the sea.";
  realtime.send({ type: "session.update", session: { type: "realtime", instructions, audio } });
});
realtime.socket.on("close", () => clearTimeout(timer));
realtime.on("session.updated", next);
realtime.on("response.output_audio.delta", ({ item_id, delta }) => {
  found.sound[found.sound.length - 1] += Buffer.from(delta, "base64").length;
  if (found.interrupted.length || found.sound[0] <= 24_000) return;
  found.interrupted.push(item_id);
  realtime.send({ type: "response.cancel" });
  realtime.send({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 400 });
  realtime.send({ type: "conversation.item.retrieve", item_id });
});
realtime.on("response.output_audio_transcript.done", ({ transcript }) => found.said.push(transcript));
realtime.on("conversation.item.retrieved", next);
realtime.on("response.done", () => { if (found.sound.length > 1) next(); });
