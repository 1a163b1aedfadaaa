/** Asks a model, embeds texts, sorts documents and counts tokens. */
import { Client, textOf } from "@llmgateway/client";

using client = new Client({
  target: process.env["LLMGATEWAY_TARGET"],
  key: process.env["LLMGATEWAY_KEY"],
});

const answer = await client.generate("Hello, gateway!", {
  model: "mock/echo",
  system: "Be kind.",
  temperature: 0.5,
});
console.log(textOf(answer));
const { call, usage } = answer;
console.log(
  `${call?.provider}/${call?.model}: ${usage?.inputTokenCount} tokens in, ${usage?.outputTokenCount} out`,
);

const { embeddings } = await client.embed(["one", "two"], {
  model: "mock/embed",
  dimensionCount: 4,
});
console.log(`${embeddings.length} vectors of ${embeddings[0]?.values.length} numbers`);

const documents = ["The mountain is high.", "The river is long.", "The city is old."];
const { results } = await client.rerank("How long is the river?", documents, {
  model: "mock/rerank",
  resultCount: 1,
});
console.log(`best document: ${results.map(({ index }) => documents[index]).join()}`);

const counted = await client.countTokens("Hello, gateway!", { model: "mock/echo" });
console.log(`${counted.inputTokenCount} tokens to read`);

const explained = await client.explain("Hello, gateway!", { model: "mock/echo" });
console.log(`would go to: ${explained.targets[0]?.provider}/${explained.targets[0]?.model}`);

console.log(`known: ${(await client.model("mock/echo")).id}`);
console.log(`listed: ${(await client.models()).some(({ id }) => id === "mock/echo")}`);
