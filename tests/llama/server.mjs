// llama.cpp behind the part of OpenAI's HTTP interface that its own server, Ollama and vLLM have in
// common: GET /v1/models and POST /v1/chat/completions, streamed or whole.
//
//   node server.mjs FILE.gguf [--port N] [--sequences N] [--context N] [--threads N]
//
// Prints the address, once it listens. A client that goes away ends its reply between two tokens.
import { createServer } from "node:http";
import path from "node:path";
import { parseArgs } from "node:util";

import { getLlama, LlamaChat, LlamaLogLevel } from "node-llama-cpp";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: "string", default: "0" },
    sequences: { type: "string", default: "2" },
    context: { type: "string", default: "1024" },
    threads: { type: "string", default: "2" },
  },
});
const [file] = positionals;
const name = path.basename(file, ".gguf");

const llama = await getLlama({
  gpu: false,
  build: "never",
  maxThreads: Number(values.threads),
  logLevel: LlamaLogLevel.error,
});
const model = await llama.loadModel({ modelPath: file });
const sequences = Number(values.sequences);
const context = await model.createContext({
  sequences,
  contextSize: Number(values.context),
  threads: Number(values.threads),
});
const free = Array.from({ length: sequences }, () => context.getSequence());
const waiting = [];

async function borrowed(work) {
  const sequence = free.pop() ?? (await new Promise((resolve) => waiting.push(resolve)));
  try {
    return await work(sequence);
  } finally {
    const next = waiting.shift();
    if (next) next(sequence);
    else free.push(sequence);
  }
}

function history(messages) {
  return [
    ...messages.map(({ role, content }) =>
      role === "assistant"
        ? { type: "model", response: [content] }
        : { type: role === "system" ? "system" : "user", text: content },
    ),
    { type: "model", response: [] },
  ];
}

async function reply(body, signal, onTextChunk) {
  return await borrowed(async (sequence) => {
    const chat = new LlamaChat({ contextSequence: sequence, chatWrapper: "auto" });
    try {
      return await chat.generateResponse(history(body.messages), {
        onTextChunk,
        signal,
        stopOnAbortSignal: true,
        maxTokens: body.max_tokens ?? body.max_completion_tokens ?? 256,
        temperature: body.temperature ?? 0.8,
        topP: body.top_p ?? 0.95,
        topK: body.top_k ?? 40,
        minP: body.min_p ?? 0.05,
        seed: body.seed,
        customStopTriggers: [body.stop ?? []].flat(),
      });
    } finally {
      chat.dispose({ disposeSequence: false });
    }
  });
}

function finish(stopReason) {
  return stopReason === "maxTokens" ? "length" : "stop";
}

async function complete(body, response) {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const id = `chatcmpl-${Math.random().toString(36).slice(2)}`;
  const head = { id, created: Math.floor(Date.now() / 1000), model: name };
  if (!body.stream) {
    const { response: text, metadata } = await reply(body, gone.signal, () => {});
    const choice = {
      index: 0,
      message: { role: "assistant", content: text },
      finish_reason: finish(metadata.stopReason),
    };
    return json(response, 200, { ...head, object: "chat.completion", choices: [choice] });
  }
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const send = (delta, finish_reason = null) => {
    const choices = [{ index: 0, delta, finish_reason }];
    const chunk = { ...head, object: "chat.completion.chunk", choices };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  send({ role: "assistant", content: "" });
  const { metadata } = await reply(body, gone.signal, (content) => send({ content }));
  send({}, finish(metadata.stopReason));
  response.end("data: [DONE]\n\n");
}

function json(response, status, value) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

function refuse(response, status, message) {
  json(response, status, { error: { message, type: "invalid_request_error", code: status } });
}

async function answer(request, response) {
  if (request.method === "GET" && request.url === "/v1/models") {
    return json(response, 200, { object: "list", data: [{ id: name, object: "model" }] });
  }
  if (request.method === "GET" && request.url === "/tests/free") {
    return json(response, 200, { free: free.length });
  }
  if (request.method !== "POST" || request.url !== "/v1/chat/completions") {
    return refuse(response, 404, `no such path: ${request.url}`);
  }
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = JSON.parse(Buffer.concat(parts).toString());
  if (body.model && body.model !== name) {
    return refuse(response, 404, `model '${body.model}' not found`);
  }
  await complete(body, response);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    if (response.headersSent) response.destroy();
    else refuse(response, 400, String(error));
  });
});
server.listen(Number(values.port), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/v1`);
});
