/** Bounds a call in time, leaves a stream early, and cancels a call that runs. */
import { Client, GatewayError, textOf } from "@llmgateway/client";

using client = new Client({
  target: process.env["LLMGATEWAY_TARGET"],
  key: process.env["LLMGATEWAY_KEY"],
});

try {
  await client.generate("Hello", { model: "mock/slow", timeoutMs: 200 });
} catch (error) {
  if (!(error instanceof GatewayError && error.kind === "DEADLINE_EXCEEDED")) {
    throw error;
  }
  console.log(`deadline: ${error.code}`);
}

// Leaving the loop ends the call, at the provider, too.
const stream = client.stream("Hello", { model: "mock/lorem" });
for await (const { event } of stream) {
  if (event.case === "partStarted") {
    break;
  }
}
console.log(`left early, finished: ${stream.isFinished}`);

const controller = new AbortController();
setTimeout(() => {
  controller.abort();
}, 100);
try {
  await client.generate("Hello", { model: "mock/slow", signal: controller.signal });
} catch (error) {
  if (error !== controller.signal.reason) {
    throw error;
  }
  console.log("cancelled");
}

console.log(textOf(await client.generate("Still here.", { model: "mock/echo" })));
