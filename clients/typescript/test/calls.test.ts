/** What goes over the wire, and what is made of what comes back. */
import assert from "node:assert/strict";
import { getEventListeners, once } from "node:events";
import { constants } from "node:http2";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";

import { ErrorInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../src/gen/google/rpc/status_pb.js";
import { Client, GatewayError } from "../src/index.js";
import {
  CallFailureSchema,
  GenerateRequestSchema,
  GenerateResponseSchema,
  ListModelsRequestSchema,
  ListModelsResponseSchema,
  Role,
  StreamGenerateResponseSchema,
} from "../src/v1.js";
import type { Exchange, Script } from "./fake_gateway.js";
import { FakeGateway } from "./fake_gateway.js";

const UNAVAILABLE = 14;
const ANSWER = { candidates: [{ message: { role: Role.ASSISTANT } }] };

function answer(exchange: Exchange): void {
  exchange.send(GenerateResponseSchema, ANSWER).finish();
}

/** Begins a stream with content. */
function begin(exchange: Exchange): Exchange {
  const started = { event: { case: "started" as const, value: { call: { callId: "c" } } } };
  const part = { content: { case: "text" as const, value: "a" } };
  const opened = { event: { case: "partStarted" as const, value: { part } } };
  return exchange.send(StreamGenerateResponseSchema, { events: [started, opened] });
}

/** Returns the error of a call that must fail. */
async function failure(call: Promise<unknown>): Promise<GatewayError> {
  const error: unknown = await call.then(
    () => assert.fail("the call succeeded"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof GatewayError, String(error));
  return error;
}

/** Returns the error of one call, and what the gateway saw. */
async function failing(script: Script): Promise<[GatewayError, readonly Exchange[]]> {
  await using gateway = await FakeGateway.start(script);
  using client = new Client({ target: gateway.target });
  return [await failure(client.generate("Hello", { model: "m" })), gateway.exchanges];
}

describe("a call", () => {
  it("sends the request, the key, the time-out and who calls", async () => {
    await using gateway = await FakeGateway.start(answer);
    using client = new Client({ target: gateway.target, key: "sk-1", timeoutMs: 5_000 });
    const options = { model: "m", system: "s", temperature: 0.5, maxOutputTokenCount: 9 };
    const response = await client.generate("Hello", options);
    assert.deepEqual(response, create(GenerateResponseSchema, ANSWER));
    const [exchange = assert.fail()] = gateway.exchanges;
    assert.deepEqual(
      fromBinary(GenerateRequestSchema, exchange.request),
      create(GenerateRequestSchema, {
        model: "m",
        messages: [
          { role: Role.SYSTEM, parts: [{ content: { case: "text", value: "s" } }] },
          { role: Role.USER, parts: [{ content: { case: "text", value: "Hello" } }] },
        ],
        sampling: { temperature: 0.5 },
        maxOutputTokenCount: 9,
      }),
    );
    const { headers } = exchange;
    assert.equal(headers[":path"], "/llmgateway.v1.LLMGateway/Generate");
    assert.equal(headers[":authority"], gateway.target);
    assert.equal(headers.authorization, "Bearer sk-1");
    assert.equal(headers["user-agent"], "llmgateway-typescript");
    assert.equal(headers["grpc-previous-rpc-attempts"], undefined);
    const [, left] = /^(\d+)m$/.exec(String(headers["grpc-timeout"])) ?? [];
    assert.ok(Number(left) > 4_000 && Number(left) <= 5_000, left);
  });

  it("without bounds sends none", async () => {
    await using gateway = await FakeGateway.start(answer);
    using client = new Client({ target: gateway.target, timeoutMs: Infinity });
    await client.generate("Hello");
    assert.equal(gateway.exchanges[0]?.headers["grpc-timeout"], undefined);
  });

  it("reads every page of the models", async () => {
    await using gateway = await FakeGateway.start((exchange, number) => {
      const page = { models: [{ id: `m${String(number)}` }], nextPageToken: number < 3 ? "t" : "" };
      exchange.send(ListModelsResponseSchema, page).finish();
    });
    using client = new Client({ target: gateway.target });
    assert.deepEqual(
      (await client.models()).map(({ id }) => id),
      ["m1", "m2", "m3"],
    );
    const asked = gateway.exchanges.map(({ request }) =>
      fromBinary(ListModelsRequestSchema, request),
    );
    assert.deepEqual(
      asked.map(({ pageSize, pageToken }) => [pageSize, pageToken]),
      [
        [1_000, ""],
        [1_000, "t"],
        [1_000, "t"],
      ],
    );
  });

  it("refuses an answer over 64 MiB before it comes", async () => {
    const [error] = await failing(({ stream }) => {
      stream.respond({ "content-type": "application/grpc" });
      const head = Buffer.alloc(5);
      head.writeUInt32BE(64 * 1024 ** 2 + 1, 1);
      stream.write(head);
    });
    assert.deepEqual([error.kind, error.code], ["INVALID_REQUEST", "RESOURCE_EXHAUSTED"]);
    assert.equal(error.reasonName, "ERROR_REASON_REQUEST_TOO_LARGE");
  });

  it("takes an answer of many megabytes", async () => {
    const providerJson = "x".repeat(20 * 1024 ** 2);
    await using gateway = await FakeGateway.start((exchange) => {
      exchange.send(GenerateResponseSchema, { call: { providerJson } }).finish();
    });
    using client = new Client({ target: gateway.target });
    const prompt = "y".repeat(20 * 1024 ** 2);
    const response = await client.generate(prompt);
    assert.equal(response.call?.providerJson.length, providerJson.length);
    assert.ok((gateway.exchanges[0]?.request.length ?? 0) > prompt.length);
  });
});

describe("a status", () => {
  const details = [
    anyPack(
      ErrorInfoSchema,
      create(ErrorInfoSchema, { domain: "llmgateway.dev", reason: "ERROR_REASON_MODEL_NOT_FOUND" }),
    ),
    anyPack(CallFailureSchema, create(CallFailureSchema, { callId: "call-1" })),
  ];
  const encoded = Buffer.from(
    toBinary(StatusSchema, create(StatusSchema, { code: 5, message: "No.", details })),
  ).toString("base64");

  for (const [where, script] of [
    [
      "alone",
      (exchange: Exchange) => {
        exchange.fail(5, "No.", { "grpc-status-details-bin": encoded });
      },
    ],
    [
      "behind initial metadata",
      (exchange: Exchange) => {
        exchange.finish(5, { "grpc-message": "No.", "grpc-status-details-bin": encoded });
      },
    ],
    [
      "with details that come twice",
      (exchange: Exchange) => {
        exchange.finish(5, { "grpc-message": "No.", "grpc-status-details-bin": [encoded, "AA"] });
      },
    ],
  ] as const) {
    it(`is read with its details ${where}`, async () => {
      const [error] = await failing(script);
      assert.deepEqual([error.kind, error.code], ["NOT_FOUND", "NOT_FOUND"]);
      assert.equal(error.message, "No. [MODEL_NOT_FOUND, call call-1]");
    });
  }

  for (const [what, code, headers, expected] of [
    ["broken base64", 3, { "grpc-status-details-bin": "!" }, "INVALID_ARGUMENT"],
    ["details that are none", 3, { "grpc-status-details-bin": "////" }, "INVALID_ARGUMENT"],
    ["a code that is none", 77, {}, "UNKNOWN"],
  ] as const) {
    it(`stands despite ${what}`, async () => {
      const [error] = await failing((exchange) => {
        exchange.fail(code, "Words.", { "x-request-id": "call-2", ...headers });
      });
      assert.equal(error.code, expected);
      assert.equal(error.message, `Words. [${expected}, call call-2]`);
    });
  }

  it("stands despite a message that cannot be decoded", async () => {
    const [error] = await failing((exchange) => {
      exchange.finish(9, { "grpc-message": "100 %!" });
    });
    assert.deepEqual([error.code, error.rawMessage], ["FAILED_PRECONDITION", "100 %!"]);
  });
});

describe("a try that fails", () => {
  it("is made again, four times at most, each told of those before", async () => {
    const [error, exchanges] = await failing((exchange) => {
      exchange.fail(UNAVAILABLE, "Down.", { "x-request-id": "c" });
    });
    assert.deepEqual([error.kind, error.rawMessage], ["UNAVAILABLE", "Down."]);
    assert.deepEqual(
      exchanges.map(({ headers }) => headers["grpc-previous-rpc-attempts"]),
      [undefined, "1", "2", "3"],
    );
  });

  for (const [what, script] of [
    [
      "a status",
      (exchange: Exchange) => {
        exchange.fail(UNAVAILABLE);
      },
    ],
    [
      "the news of a server's stop that was on its way",
      (exchange: Exchange) => {
        exchange.fail(1, "CANCELLED");
      },
    ],
    [
      "a stream that the server cancelled",
      (exchange: Exchange) => {
        exchange.reset(constants.NGHTTP2_CANCEL);
      },
    ],
    [
      "a stream that was refused",
      (exchange: Exchange) => {
        exchange.reset(constants.NGHTTP2_REFUSED_STREAM);
      },
    ],
    [
      "a connection that broke",
      (exchange: Exchange) => {
        exchange.cut();
      },
    ],
    [
      "a connection that ended with an error",
      ({ stream }: Exchange) => {
        stream.session?.goaway(constants.NGHTTP2_INTERNAL_ERROR);
      },
    ],
    [
      "a proxy's 503",
      ({ stream }: Exchange) => {
        stream.respond({ ":status": 503 }, { endStream: true });
      },
    ],
  ] as const) {
    it(`is made again after ${what}`, async () => {
      await using gateway = await FakeGateway.start((exchange, number) => {
        (number === 1 ? script : answer)(exchange);
      });
      using client = new Client({ target: gateway.target });
      await client.generate("Hello");
      const stream = client.stream("Hello");
      assert.equal(gateway.exchanges.length, 2);
      stream.close();
    });

    it(`of a stream is made again after ${what}`, async () => {
      await using gateway = await FakeGateway.start((exchange, number) => {
        (number === 1 ? script : begin)(exchange);
      });
      using client = new Client({ target: gateway.target });
      for await (const { event } of client.stream("Hello")) {
        assert.equal(event.case, "started");
        break;
      }
      assert.equal(gateway.exchanges.length, 2);
    });
  }

  for (const pushback of ["-1", "soon", "1.5"]) {
    it(`is not made again after a push-back of ${pushback}`, async () => {
      const [, exchanges] = await failing((exchange) => {
        exchange.fail(UNAVAILABLE, "", { "grpc-retry-pushback-ms": pushback });
      });
      assert.equal(exchanges.length, 1);
    });
  }

  it("is not made again for another status", async () => {
    const [error, exchanges] = await failing((exchange) => {
      exchange.fail(8);
    });
    assert.deepEqual([error.code, exchanges.length], ["RESOURCE_EXHAUSTED", 1]);
  });

  it("is not made again once the server has begun", async () => {
    const [error, exchanges] = await failing((exchange) => {
      exchange.begin().finish(UNAVAILABLE);
    });
    assert.deepEqual([error.code, exchanges.length], ["UNAVAILABLE", 1]);
  });

  it("of a stream is not made again after content, and is broken then", async () => {
    for (const script of [
      (exchange: Exchange) => {
        begin(exchange).finish(UNAVAILABLE, { "grpc-message": "Gone." });
      },
      (exchange: Exchange) => {
        begin(exchange);
        // What was sent last must leave before the connection does.
        setImmediate(() => {
          exchange.cut();
        });
      },
    ]) {
      await using gateway = await FakeGateway.start(script);
      using client = new Client({ target: gateway.target });
      const stream = client.stream("Hello");
      const error = await failure(stream.collect());
      assert.deepEqual(
        [error.kind, error.code, error.started],
        ["STREAM_BROKEN", "UNAVAILABLE", true],
      );
      assert.equal(gateway.exchanges.length, 1);
      assert.equal(await failure(stream.next()), error);
    }
  });

  it("is told by the code of its reset", async () => {
    for (const [reset, code] of [
      [constants.NGHTTP2_INTERNAL_ERROR, "INTERNAL"],
      [constants.NGHTTP2_NO_ERROR, "INTERNAL"],
      [constants.NGHTTP2_ENHANCE_YOUR_CALM, "RESOURCE_EXHAUSTED"],
    ] as const) {
      const [error, exchanges] = await failing((exchange) => {
        exchange.reset(reset);
      });
      assert.deepEqual([error.code, exchanges.length], [code, 1]);
    }
  });
});

describe("failures without end", () => {
  /** Makes calls that fail four times each, until the throttle is about to close. */
  async function exhaust(client: Client): Promise<void> {
    for (let count = 0; count < 12; count += 1) {
      await failure(client.generate("Hello"));
    }
  }

  it("stop further tries, and successes allow them again", async () => {
    let isDown = true;
    await using gateway = await FakeGateway.start((exchange) => {
      if (isDown) {
        exchange.fail(UNAVAILABLE, "", { "grpc-retry-pushback-ms": "0", "x-request-id": "c" });
      } else if (exchange.headers[":path"]?.endsWith("/Generate") === true) {
        answer(exchange);
      } else {
        const events = ["started", "finished"].map((kind) => ({
          event: { case: kind as "started" | "finished", value: {} },
        }));
        exchange.send(StreamGenerateResponseSchema, { events }).finish();
      }
    });
    using client = new Client({ target: gateway.target });
    const { exchanges } = gateway;
    await exhaust(client);
    assert.equal(exchanges.length, 48);
    await failure(client.generate("Hello"));
    assert.equal(exchanges.length, 50);
    isDown = false;
    await client.generate("Hello");
    await client.generate("Hello");
    await client.stream("Hello").collect();
    await client.stream("Hello").collect();
    assert.equal(exchanges.length, 54);
    isDown = true;
    await failure(client.generate("Hello"));
    assert.equal(exchanges.length, 56);
  });
});

describe("a call's end", () => {
  /** Resolves with the first exchange. */
  function first(): [Promise<Exchange>, Script] {
    let arrive: Script = () => undefined;
    const arrived = new Promise<Exchange>((resolve) => {
      arrive = resolve;
    });
    return [
      arrived,
      (exchange, number) => {
        arrive(exchange, number);
      },
    ];
  }

  it("by its deadline is an error, and ends it at the server", async () => {
    const [arrived, script] = first();
    await using gateway = await FakeGateway.start(script);
    using client = new Client({ target: gateway.target });
    const error = await failure(client.generate("Hello", { timeoutMs: 50 }));
    assert.deepEqual([error.kind, error.code], ["DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"]);
    assert.equal(error.name, "TimeoutError");
    assert.equal(await (await arrived).closed, constants.NGHTTP2_CANCEL);
  });

  it("by its deadline comes while it waits for the next try", async () => {
    await using gateway = await FakeGateway.start((exchange) => {
      exchange.fail(UNAVAILABLE, "", { "grpc-retry-pushback-ms": "600000" });
    });
    using client = new Client({ target: gateway.target });
    const error = await failure(client.generate("Hello", { timeoutMs: 50 }));
    assert.equal(error.kind, "DEADLINE_EXCEEDED");
    assert.equal(gateway.exchanges.length, 1);
  });

  it("by its deadline comes while it connects", async () => {
    // A server that accepts and says nothing: the handshake never ends.
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    using client = new Client({ target: `127.0.0.1:${String(port)}`, tls: true });
    const error = await failure(client.generate("Hello", { timeoutMs: 50 }));
    assert.equal(error.kind, "DEADLINE_EXCEEDED");
    server.close();
  });

  it("by its signal throws the signal's reason, and ends it at the server", async () => {
    for (const reason of [undefined, new Error("mine"), "a word"]) {
      const [arrived, script] = first();
      await using gateway = await FakeGateway.start(script);
      using client = new Client({ target: gateway.target });
      const controller = new AbortController();
      const call = client.generate("Hello", { signal: controller.signal });
      const exchange = await arrived;
      controller.abort(reason);
      await assert.rejects(call, (error) => error === controller.signal.reason);
      assert.equal(await exchange.closed, constants.NGHTTP2_CANCEL);
    }
  });

  it("leaves nothing behind at its signal", async () => {
    await using gateway = await FakeGateway.start((exchange, number) => {
      if (number === 1) {
        answer(exchange);
      } else {
        exchange.fail(5);
      }
    });
    using client = new Client({ target: gateway.target });
    const { signal } = new AbortController();
    await client.generate("Hello", { signal });
    await failure(client.generate("Hello", { signal }));
    await failure(client.stream("Hello", { signal }).collect());
    await failure(client.models({ signal }));
    assert.deepEqual(getEventListeners(signal, "abort"), []);
  });

  it("by a signal that came before sends nothing", async () => {
    await using gateway = await FakeGateway.start(answer);
    using client = new Client({ target: gateway.target });
    const signal = AbortSignal.abort();
    await assert.rejects(client.generate("Hello", { signal }), { name: "AbortError" });
    await assert.rejects(client.stream("Hello", { signal }).collect(), { name: "AbortError" });
    assert.equal(gateway.exchanges.length, 0);
  });

  it("by the client's is an error, as is every later call", async () => {
    const [arrived, script] = first();
    await using gateway = await FakeGateway.start(script);
    const client = new Client({ target: gateway.target });
    const call = failure(client.generate("Hello"));
    await arrived;
    const [socket = assert.fail()] = gateway.sessions.values();
    const gone = once(socket, "close");
    client.close();
    await gone;
    assert.equal((await call).message, "The client is closed. [CANCELLED]");
    assert.equal((await failure(client.generate("Hello"))).code, "CANCELLED");
  });

  for (const [how, leave] of [
    [
      "leaving its loop",
      async (client: Client) => {
        for await (const { event } of client.stream("Hello")) {
          assert.equal(event.case, "started");
          break;
        }
      },
    ],
    [
      "leaving the loop over its text",
      async (client: Client) => {
        for await (const piece of client.stream("Hello").text()) {
          assert.equal(piece, "a");
          break;
        }
      },
    ],
    [
      "an error in its loop",
      async (client: Client) => {
        const read = async () => {
          for await (const { event } of client.stream("Hello")) {
            throw new Error(event.case);
          }
        };
        await assert.rejects(read, { message: "started" });
      },
    ],
    [
      "`using`",
      async (client: Client) => {
        using stream = client.stream("Hello");
        await stream.next();
      },
    ],
    [
      "its signal",
      async (client: Client) => {
        const controller = new AbortController();
        const stream = client.stream("Hello", { signal: controller.signal });
        await stream.next();
        await stream.next();
        const next = stream.next();
        controller.abort();
        await assert.rejects(next, { name: "AbortError" });
      },
    ],
  ] as const) {
    it(`of a stream by ${how} ends it at the server`, async () => {
      const [arrived, script] = first();
      await using gateway = await FakeGateway.start((exchange, number) => {
        script(begin(exchange), number);
      });
      using client = new Client({ target: gateway.target });
      await leave(client);
      assert.equal(await (await arrived).closed, constants.NGHTTP2_CANCEL);
    });
  }

  it("of a stream that was closed is told to whoever reads on", async () => {
    await using gateway = await FakeGateway.start(begin);
    using client = new Client({ target: gateway.target });
    const stream = client.stream("Hello");
    await stream.next();
    stream.close();
    await assert.rejects(stream.next(), { message: /^It was closed/ });
    assert.equal(stream.response.call?.callId, "c");
  });

  it("of a stream whose reader is gone comes with the garbage", async () => {
    const [arrived, script] = first();
    await using gateway = await FakeGateway.start((exchange, number) => {
      script(begin(exchange), number);
    });
    using client = new Client({ target: gateway.target });
    await (() => client.stream("Hello").next())();
    const { closed } = await arrived;
    const collect = globalThis.gc ?? assert.fail("run with --expose-gc");
    let code: number | undefined;
    for (let round = 0; round < 1_000 && code === undefined; round += 1) {
      collect();
      code = await Promise.race([closed, nextTurn(undefined)]);
    }
    assert.equal(code, constants.NGHTTP2_CANCEL);
  });
});

describe("connections", () => {
  it("are as many as calls run at once, up to the bound, the first first", async () => {
    const waiting: Exchange[] = [];
    await using gateway = await FakeGateway.start((exchange) => {
      waiting.push(exchange);
      if (waiting.length === 6) {
        waiting.splice(0).forEach(answer);
      }
    });
    using client = new Client({ target: gateway.target, channels: 3 });
    await Promise.all(Array.from({ length: 6 }, () => client.generate("Hello")));
    assert.equal(gateway.sessions.size, 3);
    const counts = [...gateway.sessions.keys()].map(
      (session) => gateway.exchanges.filter((exchange) => exchange.session === session).length,
    );
    assert.deepEqual(counts, [2, 2, 2]);
  });

  it("are one for calls in a row", async () => {
    await using gateway = await FakeGateway.start(answer);
    using client = new Client({ target: gateway.target });
    for (let count = 0; count < 5; count += 1) {
      await client.generate("Hello");
    }
    assert.equal(gateway.sessions.size, 1);
  });

  it("are made anew once a server says goodbye, while its calls end", async () => {
    const [gone, script]: [Exchange[], Script] = [
      [],
      (exchange, number) => {
        if (number > 1) {
          answer(exchange);
          gone.splice(0).forEach(answer);
        } else {
          gone.push(exchange);
          exchange.stream.session?.goaway(constants.NGHTTP2_NO_ERROR, 1);
        }
      },
    ];
    await using gateway = await FakeGateway.start(script);
    using client = new Client({ target: gateway.target, channels: 1 });
    const first = client.generate("Hello");
    while (gone.length === 0) {
      await nextTurn();
    }
    // The goodbye is on its way before this request.
    await client.generate("Hello");
    await first;
    assert.equal(gateway.exchanges.length, 2);
  });

  it("find a server that comes back", async () => {
    const before = await FakeGateway.start(answer);
    using client = new Client({ target: before.target });
    await client.generate("Hello");
    const { port } = before;
    await before[Symbol.asyncDispose]();
    await using after = await FakeGateway.start(answer, port);
    await client.generate("Hello");
    assert.equal(after.exchanges.length, 1);
  });

  it("reach a path", async () => {
    await using gateway = await FakeGateway.start(answer);
    const path = `${process.env["TMPDIR"] ?? "/tmp"}/llmgateway-${String(process.pid)}.sock`;
    const forward = createServer((socket) => {
      const upstream = connect(gateway.port, "127.0.0.1");
      socket.on("error", () => upstream.destroy());
      upstream.on("error", () => socket.destroy());
      socket.pipe(upstream).pipe(socket);
    }).listen(path);
    await once(forward, "listening");
    const client = new Client({ target: `unix:${path}` });
    await client.generate("Hello");
    client.close();
    forward.close();
    assert.equal(gateway.exchanges[0]?.headers[":authority"], "localhost:80");
  });
});
