// A conversation by the JavaScript client, over a connection that breaks in the middle of an answer.
//
//   node converse.mjs ws://host:port talk|cancel|refused [token]  ->  one line of JSON
import { connect as dial, createServer } from "node:net";
import { connect } from "./idol.mjs";

const [, , address, what, token] = process.argv;
const { hostname, port } = new URL(address);
const carried = new Set();
const proxy = createServer((near) => {
  const far = dial(Number(port), hostname);
  carried.add(near).add(far);
  near.pipe(far).pipe(near);
  for (const end of [near, far]) end.on("error", () => {});
});
await new Promise((ready) => proxy.listen(0, "127.0.0.1", ready));
const snap = () => {
  for (const end of carried) end.destroy();
  carried.clear();
};

async function talk() {
  const idol = await connect(`http://127.0.0.1:${proxy.address().port}`, { model: "hoshi", token });
  const told = { version: process.version, text: "", media: { audio: 0, face: 0, pose: 0 }, events: [] };
  let breaks = true;
  idol.on("*", ({ type }) => told.events.push(type));
  idol.on("reconnecting", () => told.events.push("reconnecting"));
  idol.on("audio", ({ samples }) => (told.media.audio += samples.length));
  for (const kind of ["face", "pose"]) idol.on(kind, ({ values }) => (told.media[kind] = values.length));
  idol.on("response.output_audio_transcript.delta", ({ delta }) => {
    told.text += delta;
    if (breaks) snap();
    breaks = false;
  });
  told.first = (await idol.say("Who are you?")).status;
  told.again = (await idol.say("And what do you like?")).status;
  told.clock = await idol.syncClock();
  told.mediaTime = idol.mediaTime;
  told.refused = await idol.say("Hm", { output_modalities: ["smell"] }).catch((error) => error.name);
  const closed = new Promise((over) => idol.on("close", ({ code }) => over(code)));
  idol.close();
  told.closed = await closed;
  return told;
}

async function cancel() {
  const idol = await connect(`ws://127.0.0.1:${proxy.address().port}`, { streams: { face: null } });
  const begun = new Promise((heard) => idol.on("response.output_audio_transcript.delta", heard));
  const cut = new Promise((heard) => idol.on("idol.playback.cut", heard));
  const answer = idol.say("Sing on and on.");
  await begun;
  idol.cancel();
  const { status } = await answer;
  const { pts_us } = await cut;
  idol.close();
  return { status, pts_us };
}

async function refused() {
  const url = `ws://127.0.0.1:${proxy.address().port}`;
  return connect(url, { token: "wrong" }).then(() => null, ({ message, code }) => ({ message, code }));
}

console.log(JSON.stringify(await { talk, cancel, refused }[what]()));
snap();
proxy.close();
