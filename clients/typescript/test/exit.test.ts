/** A process ends when its work has: nothing of the client keeps it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";

import {
  CompareResponseSchema,
  GenerateResponseSchema,
  StreamGenerateResponseSchema,
} from "../src/v1.js";
import { FakeGateway } from "./fake_gateway.js";

const CLIENT = new URL("../src/index.js", import.meta.url).href;

const started = { events: [{ event: { case: "started" as const, value: {} } }] };

async function run(program: string, target: string): Promise<[number, string]> {
  const source = `import { Client } from ${JSON.stringify(CLIENT)};
    const client = new Client({ target: ${JSON.stringify(target)} });
    ${program}`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", source], {
    stdio: ["ignore", "inherit", "inherit"],
    timeout: 20_000,
  });
  const [code, signal] = (await once(child, "exit")) as [number, string];
  return [code, signal];
}

describe("a process ends", () => {
  for (const [when, program] of [
    ["once its client is closed", "await client.generate('a'); client.close();"],
    ["while its client is idle", "await client.generate('a');"],
    ["once it has left a stream", "for await (const event of client.stream('a')) break;"],
    [
      "though its client is closed in the midst of a stream",
      "const stream = client.stream('a'); await stream.next(); client.close();",
    ],
    [
      "though a stream was lost that nobody reads on",
      "globalThis.kept = client.compare('a', { models: ['m', 'm'] }); await kept.next();",
    ],
    [
      "once a call has run out of time",
      "await client.embed('a', { timeoutMs: 50 }).catch(() => undefined);",
    ],
  ] as const) {
    it(when, async () => {
      await using gateway = await FakeGateway.start((exchange) => {
        const path = String(exchange.headers[":path"]);
        if (path.endsWith("/Generate")) {
          exchange.send(GenerateResponseSchema, {}).finish();
        } else if (path.endsWith("/StreamGenerate")) {
          exchange.send(StreamGenerateResponseSchema, started);
        } else if (path.endsWith("/Compare")) {
          exchange.send(CompareResponseSchema, { item: { case: "events", value: started } });
          setImmediate(() => {
            exchange.cut();
          });
        }
      });
      assert.deepEqual(await run(program, gateway.target), [0, null]);
    });
  }
});
