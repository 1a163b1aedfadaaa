/** Reads what a failed call says. */
import { Client, GatewayError, textOf } from "@llmgateway/client";

using client = new Client({
  target: process.env["LLMGATEWAY_TARGET"],
  key: process.env["LLMGATEWAY_KEY"],
});

for (const model of ["mock/error-429", "mock/ecko", ""]) {
  try {
    await client.generate("Hello", { model });
  } catch (error) {
    if (!(error instanceof GatewayError)) {
      throw error;
    }
    switch (error.kind) {
      case "RATE_LIMITED": {
        const { attempts, retryAfterMs = 0 } = error;
        console.log(`rate limited: ${error.reasonName}`);
        console.log(`try again after ${retryAfterMs / 1_000} s`);
        console.log(
          `attempts: ${attempts.length}, the last one's HTTP status: ${attempts.at(-1)?.httpStatus}`,
        );
        break;
      }
      case "NOT_FOUND":
        console.log(`not found: ${error.reasonName}, nearest: ${error.metadata["nearest"]}`);
        break;
      case "INVALID_REQUEST":
        console.log(`invalid: ${error.reasonName}, field: ${error.violations[0]?.field}`);
        break;
      default:
        throw error;
    }
  }
}

for (const model of ["limited/echo", "limited/lorem"]) {
  const error = await useUp(model);
  const later = error.retryAfterMs === undefined ? "no" : "yes";
  console.log(`refused: ${error.reasonName}, try again later: ${later}`);
  // Cost counts 1e-9 US dollars.
  for (const { scope, metric, window, limit, used, held } of error.quotaViolations) {
    console.log(`${metric} of ${scope}, ${window}: limit ${limit}, used ${used}, held ${held}`);
  }
}

const stream = client.stream("Hello", { model: "mock/cut" });
try {
  await stream.collect();
} catch (error) {
  if (!(error instanceof GatewayError)) {
    throw error;
  }
  // Content had come: trying again means paying again.
  console.log(`broken off: ${error.reasonName}, started: ${error.started}`);
  console.log(`kept: ${textOf(stream.response)}`);
}

/** Calls until a quota refuses; returns the refusal. */
async function useUp(model: string): Promise<GatewayError> {
  for (;;) {
    try {
      await client.generate("Hello", { model });
    } catch (error) {
      if (!(error instanceof GatewayError)) {
        throw error;
      }
      return error;
    }
  }
}
