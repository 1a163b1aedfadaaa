/** Streams and comparisons, read from messages that a test holds. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import { Comparison } from "../src/compare.js";
import { Deadline } from "../src/deadline.js";
import type { GatewayError } from "../src/errors.js";
import { GenerationStream } from "../src/stream.js";
import { RunningCall } from "../src/running.js";
import { textOf } from "../src/text.js";
import type { GenerationEventSchema } from "../src/v1.js";
import { CompareResponseSchema, StreamGenerateResponseSchema } from "../src/v1.js";

type EventInit = MessageInitShape<typeof GenerationEventSchema>;

/** Returns a call whose messages are these, and which then ends, or fails. */
function callOf<D extends DescMessage>(
  schema: D,
  messages: readonly MessageInitShape<D>[],
  failure?: Error,
): RunningCall<MessageShape<D>> {
  async function* answer() {
    for (const message of messages) {
      yield await Promise.resolve(create(schema, message));
    }
    if (failure !== undefined) {
      throw failure;
    }
  }
  return new RunningCall(() => new Deadline(Infinity, []), answer);
}

const same = (error: GatewayError) => Promise.resolve(error);

function streamOf(messages: readonly (readonly EventInit[])[], failure?: Error) {
  const call = callOf(
    StreamGenerateResponseSchema,
    messages.map((events) => ({ events: [...events] })),
    failure,
  );
  return new GenerationStream(call, same);
}

const started: EventInit = { event: { case: "started", value: { call: { callId: "c" } } } };
const finished: EventInit = { event: { case: "finished", value: {} } };
const ended: EventInit = { event: { case: "candidateFinished", value: {} } };

function opened(index: number, kind: "text" | "refusal", value: string): EventInit {
  return {
    event: { case: "partStarted", value: { index, part: { content: { case: kind, value } } } },
  };
}

function delta(index: number, value: string, candidateIndex = 0): EventInit {
  return {
    candidateIndex,
    event: { case: "partDelta", value: { index, delta: { case: "text", value } } },
  };
}

function closed(index: number): EventInit {
  return { event: { case: "partFinished", value: { index } } };
}

const whole = [
  [started, {}, opened(0, "text", "a"), opened(1, "refusal", "no")],
  [],
  [delta(0, "b"), delta(1, "x"), delta(0, ""), closed(1)],
  [delta(0, "c"), closed(0), ended, finished],
] as const;

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) {
    list.push(item);
  }
  return list;
}

describe("a stream", () => {
  it("yields single events, those of no known kind too", async () => {
    const stream = streamOf(whole);
    const kinds = (await all(stream)).map(({ event }) => event.case);
    assert.equal(kinds.length, 12);
    assert.deepEqual(kinds.slice(0, 3), ["started", undefined, "partStarted"]);
    assert.ok(stream.isFinished);
    assert.equal(textOf(stream.response), "abc");
    assert.deepEqual(await stream.next(), { value: undefined, done: true });
  });

  it("yields the text of one candidate, and no other", async () => {
    assert.deepEqual(await all(streamOf(whole).text()), ["a", "b", "c"]);
    assert.deepEqual(await all(streamOf(whole).text(1)), []);
  });

  it("collects its answer", async () => {
    const stream = streamOf(whole);
    assert.equal(await stream.collect(), stream.response);
  });

  it("hands each event to one of several that wait", async () => {
    const stream = streamOf(whole);
    const events = await Promise.all(Array.from({ length: 13 }, () => stream.next()));
    assert.deepEqual(
      events.map(({ value }) => value?.event.case),
      [...(await all(streamOf(whole))).map(({ event }) => event.case), undefined],
    );
  });

  it("that ends without its last event is broken, and keeps what came", async () => {
    for (const isStarted of [false, true]) {
      const stream = streamOf([[started], isStarted ? [opened(0, "text", "a")] : []]);
      await assert.rejects(stream.collect(), {
        kind: "STREAM_BROKEN",
        code: "INTERNAL",
        message: "The stream ended without its last event. [INTERNAL, call c]",
        started: isStarted,
      });
      assert.equal(textOf(stream.response), isStarted ? "a" : "");
    }
  });

  it("that breaks the grammar makes no sense, and goes on no more", async () => {
    const stream = streamOf([[started, started, finished]]);
    const broken = {
      kind: "STREAM_BROKEN",
      rawMessage: "The stream makes no sense: started comes twice.",
    };
    await assert.rejects(stream.collect(), broken);
    await assert.rejects(stream.next(), broken);
    assert.equal(stream.isFinished, false);
  });

  it("that fails says whether content had come", async () => {
    const failure = new ConnectError("Gone.", Code.Unavailable);
    await assert.rejects(streamOf([[started]], failure).collect(), { kind: "UNAVAILABLE" });
    const content = streamOf([[started, opened(0, "text", "")]], failure);
    await assert.rejects(content.collect(), { kind: "STREAM_BROKEN", started: true });
  });
});

function comparisonOf(
  items: readonly MessageInitShape<typeof CompareResponseSchema>[],
  failure?: Error,
): Comparison {
  return new Comparison(callOf(CompareResponseSchema, items, failure), ["one", "two"], same);
}

function from(modelIndex: number, ...events: readonly EventInit[]) {
  return { modelIndex, item: { case: "events" as const, value: { events: [...events] } } };
}

const lost = {
  modelIndex: 1,
  item: {
    case: "failure" as const,
    value: { code: 14, message: "Lost.", failure: { callId: "f" } },
  },
};

describe("a comparison", () => {
  it("yields what each model sends, and its failure", async () => {
    const comparison = comparisonOf([
      from(1, started, opened(0, "text", "b")),
      from(0, started, opened(0, "text", "a")),
      lost,
      { modelIndex: 0 },
      from(0, closed(0), ended, finished),
    ]);
    const came = await all(comparison);
    assert.deepEqual(
      came.map(({ model, event, error }) => [model.name, event?.event.case ?? error?.code]),
      [
        ["two", "started"],
        ["two", "partStarted"],
        ["one", "started"],
        ["one", "partStarted"],
        ["two", "UNAVAILABLE"],
        ["one", "partFinished"],
        ["one", "candidateFinished"],
        ["one", "finished"],
      ],
    );
    const [one = assert.fail(), two = assert.fail()] = comparison.models;
    assert.deepEqual([textOf(one.result()), one.isFinished, one.error], ["a", true, undefined]);
    assert.equal(two.error?.message, "Lost. [UNAVAILABLE, call f]");
    assert.deepEqual([two.error.kind, two.error.started], ["STREAM_BROKEN", true]);
    assert.throws(() => two.result(), two.error);
    assert.equal(textOf(two.response), "b");
  });

  it("that fails as a whole is the error of each that had not ended", async () => {
    const failure = new ConnectError("Gone.", Code.Unavailable);
    const comparison = comparisonOf([lost, from(0, started)], failure);
    await assert.rejects(comparison.collect(), { kind: "UNAVAILABLE", rawMessage: "Gone." });
    const errors = comparison.models.map(({ error }) => error?.rawMessage);
    assert.deepEqual(errors, ["Gone.", "Lost."]);
    await assert.rejects(comparison.next(), { rawMessage: "Gone." });
  });

  it("that was cancelled blames no model", async () => {
    const reason = new Error("mine");
    const comparison = comparisonOf([lost], reason);
    await assert.rejects(comparison.collect(), reason);
    const [one = assert.fail()] = comparison.models;
    assert.equal(one.error, undefined);
    assert.throws(() => one.result(), { message: /^one has not finished/ });
  });

  for (const [items, message] of [
    [[from(0, started)], "The stream ended before every model had."],
    [[from(2, started)], "The stream makes no sense: there is no model 2."],
    [[from(-1, started)], "The stream makes no sense: there is no model -1."],
    [[lost, from(1, started)], "The stream makes no sense: two goes on after its end."],
    [
      [from(0, finished)],
      "The stream makes no sense: one: finished precedes started, which is the first event.",
    ],
  ] as const) {
    it(`is refused: ${message}`, async () => {
      const comparison = comparisonOf(items);
      await assert.rejects(comparison.collect(), {
        kind: "STREAM_BROKEN",
        code: "INTERNAL",
        rawMessage: message,
      });
      assert.equal(comparison.models[0]?.error?.rawMessage, message);
    });
  }
});
