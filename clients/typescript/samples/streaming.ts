/** Prints an answer as it is written. */
import { Client } from "@llmgateway/client";
import { FinishReason } from "@llmgateway/client/v1";

using client = new Client({
  target: process.env["LLMGATEWAY_TARGET"],
  key: process.env["LLMGATEWAY_KEY"],
});

const stream = client.stream("Tell me more.", { model: "mock/lorem", maxOutputTokenCount: 20 });
for await (const piece of stream.text()) {
  process.stdout.write(piece);
}
console.log();
console.log(`finished: ${stream.isFinished}`);
const reason = stream.response.candidates[0]?.finishReason ?? FinishReason.UNSPECIFIED;
console.log(`FINISH_REASON_${FinishReason[reason]}`);
console.log(`${stream.response.usage?.outputTokenCount} tokens`);
