// How fast llama.cpp reads and writes: a job as JSON on standard input, a result on standard output.
//
//   {"file": ..., "threads": 2, "context": 1024, "prefix": [ids], "rows": [{"ids": [...], "new": 48}, ...]}
//
// Every row is a sequence of its own in one context, so that llama.cpp batches them. Each has read
// `prefix` before the clock starts. Answers {"tokens": ..., "wall_s": ..., "first_s": [...],
// "gaps_s": [...]}: tokens written, when each row had its first one, and the time between two.
import { getLlama, LlamaLogLevel } from "node-llama-cpp";

let input = "";
for await (const part of process.stdin) input += part;
const job = JSON.parse(input);

const llama = await getLlama({
  gpu: false,
  build: "never",
  maxThreads: job.threads,
  logLevel: LlamaLogLevel.error,
});
const model = await llama.loadModel({ modelPath: job.file });
const context = await model.createContext({
  sequences: job.rows.length,
  contextSize: job.context,
  batchSize: Math.min(job.context, 512),
  threads: job.threads,
});
const rows = job.rows.map((row) => ({ ...row, sequence: context.getSequence() }));
if (job.prefix.length > 0) {
  for (const { sequence } of rows) await sequence.evaluateWithoutGeneratingNewTokens(job.prefix);
}

const firsts = [];
const gaps = [];
let tokens = 0;
const started = performance.now();
async function write({ sequence, ids, new: wanted }) {
  let last = started;
  let written = 0;
  // An end of the reply is a token like any other here: what is measured is the work.
  for await (const _ of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
    const now = performance.now();
    (written === 0 ? firsts : gaps).push((now - last) / 1000);
    last = now;
    tokens += 1;
    written += 1;
    if (written === wanted) break;
  }
}
await Promise.all(rows.map(write));
const wall = (performance.now() - started) / 1000;
console.log(JSON.stringify({ tokens, wall_s: wall, first_s: firsts, gaps_s: gaps }));
process.exit(0);
