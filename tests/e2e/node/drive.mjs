// Drives the gateway's REST face with the official SDK, and prints what it saw as one JSON object.
// The test scripts the provider behind the gateway in the order of the scenarios below.
//
//   node drive.mjs BASE_URL MODEL
import OpenAI from "openai";

const [baseURL, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0, timeout: 30_000 });
const messages = [{ role: "user", content: "Hello there" }];
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = ["get_weather", "get_time"].map((name) => ({ type: "function", function: { name, parameters } }));
const callsOf = (message) => message.tool_calls.map((call) => [call.id, call.function.name, call.function.arguments]);

async function failureOf(promise) {
  try {
    await promise;
  } catch (error) {
    return {
      name: error.constructor.name,
      status: error.status ?? null,
      code: error.code ?? null,
      type: error.type ?? null,
      param: error.param ?? null,
      hasRequestId: Boolean(error.requestID),
      retryAfter: error.headers?.get("retry-after") ?? null,
    };
  }
  return null;
}

const scenarios = {
  async chat() {
    const { data, response } = await client.chat.completions.create({ model, messages }).withResponse();
    return {
      content: data.choices[0].message.content,
      finish: data.choices[0].finish_reason,
      usage: data.usage,
      provider: response.headers.get("x-llmgateway-provider"),
    };
  },

  async stream() {
    let content = "";
    let usage = null;
    const stream = await client.chat.completions.create({
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    for await (const chunk of stream) {
      content += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    return { content, usage };
  },

  async tools() {
    const first = await client.chat.completions.create({ model, messages, tools: tools.slice(0, 1) });
    const message = first.choices[0].message;
    const result = { role: "tool", tool_call_id: message.tool_calls[0].id, content: "rain" };
    const second = await client.chat.completions.create({ model, messages: [...messages, message, result], tools });
    return {
      calls: callsOf(message),
      finish: first.choices[0].finish_reason,
      content: second.choices[0].message.content,
    };
  },

  async parallelTools() {
    const whole = await client.chat.completions.create({ model, messages, tools });
    const streamed = await client.chat.completions.stream({ model, messages, tools }).finalChatCompletion();
    return { whole: callsOf(whole.choices[0].message), streamed: callsOf(streamed.choices[0].message) };
  },

  async structuredOutput() {
    const schema = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
    const answer = await client.chat.completions.parse({
      model,
      messages,
      response_format: { type: "json_schema", json_schema: { name: "city", schema, strict: true } },
    });
    return answer.choices[0].message.parsed ?? JSON.parse(answer.choices[0].message.content);
  },

  async embeddings() {
    const asked = { model: "embedder", input: ["one", "two"], dimensions: 6 };
    const byDefault = await client.embeddings.create(asked);
    const plain = await client.embeddings.create({ ...asked, encoding_format: "float" });
    return { byDefault: byDefault.data.map((item) => item.embedding), plain: plain.data.map((item) => item.embedding) };
  },

  async models() {
    const names = [];
    for await (const entry of client.models.list()) names.push(entry.id);
    return { names, one: (await client.models.retrieve("mock/echo")).id };
  },

  async errors() {
    return {
      limited: await failureOf(client.chat.completions.create({ model, messages })),
      missing: await failureOf(client.chat.completions.create({ model: "nobody/nothing", messages })),
      wrong: await failureOf(client.chat.completions.create({ model, messages, temperature: "warm" })),
    };
  },

  async brokenStream() {
    let content = "";
    const failure = await failureOf(
      (async () => {
        const stream = await client.chat.completions.create({ model, messages, stream: true });
        for await (const chunk of stream) content += chunk.choices[0]?.delta.content ?? "";
      })(),
    );
    return { content, failure };
  },

  async cancellation() {
    const controller = new AbortController();
    const stream = await client.chat.completions.create(
      { model, messages, stream: true },
      { signal: controller.signal },
    );
    let chunkCount = 0;
    for await (const _ of stream) {
      chunkCount += 1;
      controller.abort();
    }
    return { sawContent: chunkCount > 0 };
  },
};

const seen = {};
for (const [name, scenario] of Object.entries(scenarios)) seen[name] = await scenario();
console.log(JSON.stringify(seen));
