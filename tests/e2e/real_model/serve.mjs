// Serves one model with as much of OpenAI's API as a chat needs: whole and streamed, with usage.
// Prints the port once it is ready; ends with its standard input.
//
//   node serve.mjs MODEL.gguf
import { createServer } from "node:http";
import { getLlama, LlamaChatSession, LlamaLogLevel } from "node-llama-cpp";

const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
const model = await llama.loadModel({ modelPath: process.argv[2] });
// With more threads its workers spin, and starve everything else on a small machine.
const context = await model.createContext({ contextSize: 1024, threads: 1 });
const sequence = context.getSequence();

async function answer(body, onText, signal) {
  await sequence.clearHistory();
  const session = new LlamaChatSession({ contextSequence: sequence });
  let outputTokenCount = 0;
  const prompt = body.messages.map((message) => message.content).join("\n");
  const { responseText, stopReason } = await session.promptWithMeta(prompt, {
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? 32,
    temperature: 0,
    signal,
    stopOnAbortSignal: true,
    onTextChunk: onText,
    onToken: (tokens) => (outputTokenCount += tokens.length),
  });
  session.dispose({ disposeSequence: false });
  const promptTokenCount = model.tokenize(prompt).length;
  return {
    text: responseText,
    finish: stopReason === "maxTokens" ? "length" : "stop",
    usage: {
      prompt_tokens: promptTokenCount,
      completion_tokens: outputTokenCount,
      total_tokens: promptTokenCount + outputTokenCount,
    },
  };
}

async function whole(body, envelope, response) {
  const { text, finish, usage } = await answer(body);
  const message = { role: "assistant", content: text, refusal: null };
  const choices = [{ index: 0, message, logprobs: null, finish_reason: finish }];
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ ...envelope, object: "chat.completion", choices, usage }));
}

async function streamed(body, envelope, response) {
  const leave = new AbortController();
  response.on("close", () => leave.abort());
  const send = (rest) => response.write(`data: ${JSON.stringify({ ...envelope, ...rest })}\n\n`);
  const delta = (content, finish) => ({ choices: [{ index: 0, delta: content, finish_reason: finish ?? null }] });
  envelope.object = "chat.completion.chunk";
  response.writeHead(200, { "content-type": "text/event-stream" });
  send(delta({ role: "assistant", content: "" }));
  const { finish, usage } = await answer(body, (text) => send(delta({ content: text })), leave.signal);
  send(delta({}, finish));
  if (body.stream_options?.include_usage) send({ choices: [], usage });
  response.end("data: [DONE]\n\n");
}

// The model thinks about one thing at a time.
let last = Promise.resolve();

const server = createServer(async (request, response) => {
  let text = "";
  for await (const piece of request) text += piece;
  if (request.method === "GET") {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ object: "list", data: [{ id: "smollm2", object: "model", created: 0, owned_by: "x" }] }));
    return;
  }
  const body = JSON.parse(text);
  const envelope = { id: `chatcmpl-${Date.now()}`, created: Math.floor(Date.now() / 1000), model: body.model };
  last = last.then(() => (body.stream ? streamed : whole)(body, envelope, response)).catch((error) => {
    console.error(error);
    response.destroy();
  });
});

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => process.exit(0));
