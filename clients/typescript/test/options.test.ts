/** What is refused, and what is read, before any call is made. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { create } from "@bufbuild/protobuf";

import { encodeTimeout } from "../src/calls.js";
import { Deadline } from "../src/deadline.js";
import type { ClientOptions } from "../src/index.js";
import { Client } from "../src/index.js";
import { embedding, generation } from "../src/request.js";
import { parseTarget, showTarget } from "../src/target.js";
import { EmbedRequestSchema, GenerateRequestSchema, Role } from "../src/v1.js";

describe("a target", () => {
  for (const [target, expected] of [
    ["127.0.0.1:50051", { host: "127.0.0.1", port: 50_051 }],
    ["gateway:1", { host: "gateway", port: 1 }],
    ["gateway.example.org", { host: "gateway.example.org", port: 443 }],
    ["[::1]:50051", { host: "::1", port: 50_051 }],
    ["[::1]", { host: "::1", port: 443 }],
    ["dns:gateway:1", { host: "gateway", port: 1 }],
    ["dns:///gateway:1", { host: "gateway", port: 1 }],
    ["dns://8.8.8.8/gateway:1", { host: "gateway", port: 1 }],
    ["unix:/tmp/a.sock", { path: "/tmp/a.sock" }],
    ["unix:///tmp/a.sock", { path: "/tmp/a.sock" }],
    ["unix:a.sock", { path: "a.sock" }],
  ] as const) {
    it(`${target} is read`, () => {
      assert.deepEqual(parseTarget(target), expected);
    });
  }

  for (const target of [
    "",
    "http://gateway:1",
    "a b:1",
    "gateway:",
    "gateway:65536",
    "::1",
    "xds:///a",
  ]) {
    it(`"${target}" is refused`, () => {
      assert.throws(() => parseTarget(target), TypeError);
    });
  }

  it("is shown as people write it", () => {
    assert.equal(showTarget({ host: "::1", port: 2 }), "[::1]:2");
    assert.equal(showTarget({ host: "a", port: 2 }), "a:2");
  });
});

describe("a client refuses", () => {
  for (const [what, options] of [
    ["an empty key", { key: "" }],
    ["a key with a line break", { key: "sk-1\n" }],
    ["a key with a space", { key: "sk 1" }],
    ["a key that is no ASCII", { key: "sk-é" }],
    ["a client's key without its certificate", { clientKey: "k" }],
    ["a client's certificate without its key", { clientCertificate: "c" }],
    ["no connections", { channels: 0 }],
    ["half a connection", { channels: 1.5 }],
    ["a target that is none", { target: "http://gateway" }],
    ["a bound that is none", { timeoutMs: Number.NaN }],
  ] as const satisfies readonly (readonly [string, ClientOptions])[]) {
    it(what, () => {
      assert.throws(() => new Client(options), /^(Type|Range)Error/);
    });
  }

  it("a call's bound that is none, as its error", async () => {
    using client = new Client();
    await assert.rejects(client.generate("Hello", { timeoutMs: -1 }), RangeError);
    await assert.rejects(client.stream("Hello", { timeoutMs: -1 }).collect(), RangeError);
  });
});

describe("a request", () => {
  it("is made of a text and its options", () => {
    const messages = [
      { role: Role.USER, parts: [{ content: { case: "text" as const, value: "a" } }] },
    ];
    const whole = create(GenerateRequestSchema, { messages });
    assert.deepEqual(generation("a", {}), whole);
    assert.deepEqual(generation(messages, {}), whole);
    assert.deepEqual(generation({ messages }, {}), whole);
    assert.equal(generation(whole, {}), whole);
  });

  it("is made of texts to embed", () => {
    const inputs = [{ input: { case: "text" as const, value: "a" } }];
    const whole = create(EmbedRequestSchema, { model: "m", inputs, dimensionCount: 2 });
    assert.deepEqual(embedding("a", { model: "m", dimensionCount: 2 }), whole);
    assert.deepEqual(embedding(["a"], { model: "m", dimensionCount: 2 }), whole);
    assert.equal(embedding(whole, {}), whole);
  });

  it("that is whole takes no options", () => {
    const message = "Set model, temperature in the request itself.";
    assert.throws(() => generation({}, { model: "m", temperature: 1 }), {
      name: "TypeError",
      message,
    });
    assert.throws(() => embedding({}, { dimensionCount: 1 }), TypeError);
    assert.equal(generation({ model: "m" }, { model: undefined }).model, "m");
  });
});

describe("a bound", () => {
  for (const [ms, written] of [
    [0, "0m"],
    [0.1, "1m"],
    [600_000, "600000m"],
    [99_999_999, "99999999m"],
    [100_000_000, "100000S"],
    [1e12, "277778H"],
    [Infinity, undefined],
  ] as const) {
    it(`of ${String(ms)} ms is written as ${String(written)}`, () => {
      assert.equal(encodeTimeout(ms), written);
    });
  }

  it("is told once by the first of what ends it", (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const controller = new AbortController();
    const deadline = new Deadline(100, [controller.signal]);
    deadline.throwIfOver();
    context.mock.timers.tick(100);
    controller.abort(new Error("later"));
    assert.ok(deadline.signal.aborted);
    assert.throws(() => {
      deadline.throwIfOver();
    }, /longer than its 100 ms/);
  });

  it("lets go of its timer and signals", (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const controller = new AbortController();
    const deadline = new Deadline(100, [controller.signal]);
    deadline.release();
    context.mock.timers.tick(100);
    controller.abort();
    assert.equal(deadline.signal.aborted, false);
  });
});
