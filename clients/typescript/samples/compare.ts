/** Asks several models the same at once. */
import { Client, textOf } from "@llmgateway/client";

using client = new Client({
  target: process.env["LLMGATEWAY_TARGET"],
  key: process.env["LLMGATEWAY_KEY"],
});

const comparison = client.compare("Hello, gateway!", {
  models: ["mock/echo", "mock/lorem", "mock/error-503"],
  maxOutputTokenCount: 6,
});
for await (const { model, error } of comparison) {
  if (error !== undefined) {
    console.log(`failed: ${model.name}`);
  }
}
for (const { name, error, response } of comparison.models) {
  console.log(`${name}: ${error?.reasonName ?? textOf(response)}`);
}
