import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { MessageInitShape } from "@bufbuild/protobuf";
import { clone, create, equals, fromBinary, toBinary } from "@bufbuild/protobuf";

import { Fold, fold, GrammarError } from "../src/fold.js";
import type { PartDeltaSchema, PartFinishedSchema } from "../src/v1.js";
import {
  FinishReason,
  GenerateResponseSchema,
  GenerationEventSchema,
  PartSchema,
  Reasoning_Kind,
  Role,
} from "../src/v1.js";

type EventInit = NonNullable<MessageInitShape<typeof GenerationEventSchema>["event"]>;
type PartInit = MessageInitShape<typeof PartSchema>;
type DeltaInit = MessageInitShape<typeof PartDeltaSchema>;

function event(happened: EventInit, candidateIndex = 0) {
  return create(GenerationEventSchema, { event: happened, candidateIndex });
}

const started = event({ case: "started", value: { call: { callId: "c" } } });
const finished = event({ case: "finished", value: {} });

function opened(part: PartInit, index = 0, candidate = 0) {
  return event({ case: "partStarted", value: { index, part } }, candidate);
}

function delta(value: DeltaInit, candidate = 0) {
  return event({ case: "partDelta", value }, candidate);
}

function text(value: string, index = 0, candidate = 0) {
  return delta({ index, delta: { case: "text", value } }, candidate);
}

function closed(value: MessageInitShape<typeof PartFinishedSchema> = {}, candidate = 0) {
  return event({ case: "partFinished", value }, candidate);
}

function ended(candidate = 0) {
  return event(
    { case: "candidateFinished", value: { finishReason: FinishReason.STOP } },
    candidate,
  );
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

/** A part as it starts, what is appended to it, and what it is then. */
const PARTS: Readonly<Record<string, readonly [PartInit, readonly DeltaInit[], PartInit]>> = {
  text: [
    { content: { case: "text", value: "a" } },
    [{ delta: { case: "text", value: "b" } }, { delta: { case: "text", value: "c" } }],
    { content: { case: "text", value: "abc" } },
  ],
  refusal: [
    { content: { case: "refusal", value: "" } },
    [{ delta: { case: "text", value: "no" } }],
    { content: { case: "refusal", value: "no" } },
  ],
  reasoning: [
    { content: { case: "reasoning", value: { text: "a", kind: Reasoning_Kind.SUMMARY } } },
    [{ delta: { case: "text", value: "b" } }],
    { content: { case: "reasoning", value: { text: "ab", kind: Reasoning_Kind.SUMMARY } } },
  ],
  "a function's call": [
    { content: { case: "toolCall", value: { id: "1", name: "f" } } },
    [
      { delta: { case: "argumentsJson", value: '{"a"' } },
      { delta: { case: "argumentsJson", value: ":1}" } },
    ],
    {
      content: {
        case: "toolCall",
        value: { id: "1", name: "f", input: { case: "argumentsJson", value: '{"a":1}' } },
      },
    },
  ],
  "a custom tool's call": [
    { content: { case: "toolCall", value: { name: "f", input: { case: "text", value: "a" } } } },
    [{ delta: { case: "text", value: "b" } }],
    { content: { case: "toolCall", value: { name: "f", input: { case: "text", value: "ab" } } } },
  ],
  "a call with an empty piece": [
    { content: { case: "toolCall", value: { name: "f" } } },
    [{ delta: { case: "argumentsJson", value: "" } }],
    {
      content: {
        case: "toolCall",
        value: { name: "f", input: { case: "argumentsJson", value: "" } },
      },
    },
  ],
  "media that comes whole and goes on": [
    { content: { case: "media", value: { source: { case: "data", value: bytes(1) } } } },
    [
      { delta: { case: "data", value: bytes(2, 3) } },
      { delta: { case: "transcript", value: "hi" } },
      { delta: { case: "data", value: bytes() } },
      { delta: { case: "data", value: bytes(4) } },
      { delta: { case: "transcript", value: "!" } },
    ],
    {
      content: {
        case: "media",
        value: { source: { case: "data", value: bytes(1, 2, 3, 4) }, transcript: "hi!" },
      },
    },
  ],
  "media with an empty piece": [
    { content: { case: "media", value: { mimeType: "a/b" } } },
    [{ delta: { case: "data", value: bytes() } }],
    {
      content: {
        case: "media",
        value: { mimeType: "a/b", source: { case: "data", value: bytes() } },
      },
    },
  ],
  "media elsewhere with a transcript": [
    { content: { case: "media", value: { source: { case: "fileId", value: "f" } } } },
    [{ delta: { case: "transcript", value: "hi" } }],
    {
      content: {
        case: "media",
        value: { source: { case: "fileId", value: "f" }, transcript: "hi" },
      },
    },
  ],
  "a tool's result": [
    {
      content: {
        case: "toolResult",
        value: { toolCallId: "1", parts: [{ content: { case: "text", value: "a" } }] },
      },
    },
    [],
    {
      content: {
        case: "toolResult",
        value: { toolCallId: "1", parts: [{ content: { case: "text", value: "a" } }] },
      },
    },
  ],
  "a provider's part": [
    { content: { case: "providerPart", value: { dialect: "d", type: "t", json: "{}" } } },
    [],
    { content: { case: "providerPart", value: { dialect: "d", type: "t", json: "{}" } } },
  ],
  "annotations and log probabilities": [
    { content: { case: "text", value: "" }, annotations: [{ uri: "a" }] },
    [
      { delta: { case: "text", value: "x" }, annotations: [{ uri: "b" }] },
      { annotations: [{ uri: "c" }], logprobs: [{ token: "x", logprob: -1 }] },
      { logprobs: [{ token: "y", topLogprobs: [{ token: "z" }] }] },
    ],
    {
      content: { case: "text", value: "x" },
      annotations: [{ uri: "a" }, { uri: "b" }, { uri: "c" }],
      logprobs: [
        { token: "x", logprob: -1 },
        { token: "y", topLogprobs: [{ token: "z" }] },
      ],
    },
  ],
  "a kind that is newer": [
    { itemId: "i" },
    [{ delta: { case: "text", value: "a" }, annotations: [{ uri: "a" }] }],
    { itemId: "i", annotations: [{ uri: "a" }] },
  ],
};

describe("fold", () => {
  for (const [name, [start, deltas, whole]] of Object.entries(PARTS)) {
    it(`adds up ${name}`, () => {
      const response = fold([
        started,
        opened(start),
        ...deltas.map((one) => delta(one)),
        closed(),
        ended(),
        finished,
      ]);
      const part = response.candidates[0]?.message?.parts[0];
      assert.deepEqual(part, create(PartSchema, whole));
    });
  }

  it("adds up candidates and parts that are interleaved", () => {
    const response = fold([
      started,
      opened({ content: { case: "text", value: "b" } }, 0, 1),
      opened({ content: { case: "text", value: "a" } }, 0, 0),
      opened({ content: { case: "refusal", value: "r" } }, 1, 0),
      text("1", 1, 0),
      text("2", 0, 1),
      text("3", 0, 0),
      closed({ index: 1 }, 0),
      closed({}, 1),
      ended(1),
      closed({}, 0),
      ended(0),
      finished,
    ]);
    const whole = create(GenerateResponseSchema, {
      call: { callId: "c" },
      candidates: [
        {
          index: 0,
          finishReason: FinishReason.STOP,
          message: {
            role: Role.ASSISTANT,
            parts: [
              { content: { case: "text", value: "a3" } },
              { content: { case: "refusal", value: "r1" } },
            ],
          },
        },
        {
          index: 1,
          finishReason: FinishReason.STOP,
          message: { role: Role.ASSISTANT, parts: [{ content: { case: "text", value: "b2" } }] },
        },
      ],
    });
    assert.deepEqual(response, whole);
  });

  it("takes from the end of a part its signature and its entries by key", () => {
    const start: PartInit = {
      content: { case: "text", value: "" },
      signature: { provider: "p", value: "old" },
      providerJson: { a: "1", b: "2" },
    };
    const end = { signature: { provider: "p", value: "new" }, providerJson: { b: "3", c: "4" } };
    const response = fold([started, opened(start), closed(end), ended(), finished]);
    const part = response.candidates[0]?.message?.parts[0];
    assert.equal(part?.signature?.value, "new");
    assert.deepEqual(part.providerJson, { a: "1", b: "3", c: "4" });
  });

  it("takes from the end of a candidate how it ended", () => {
    const value = {
      finishReason: FinishReason.OTHER,
      providerFinishReason: "x",
      stopSequence: "y",
      providerJson: "{}",
    };
    const response = fold([started, event({ case: "candidateFinished", value }), finished]);
    const { index, message, $typeName, ...rest } = response.candidates[0] ?? assert.fail();
    assert.deepEqual([index, $typeName], [0, "llmgateway.v1.Candidate"]);
    assert.deepEqual(message?.parts, []);
    assert.deepEqual(rest, value);
  });

  it("keeps what finished leaves out as started said it", () => {
    const start = event({
      case: "started",
      value: { call: { callId: "c" }, usage: { inputTokenCount: 1 } },
    });
    const kept = fold([start, ended(), finished]);
    assert.deepEqual([kept.call?.callId, kept.usage?.inputTokenCount], ["c", 1]);
    const end = event({
      case: "finished",
      value: { call: { model: "m" }, usage: { outputTokenCount: 2 } },
    });
    const replaced = fold([start, ended(), end]);
    assert.deepEqual([replaced.call?.callId, replaced.call?.model], ["", "m"]);
    assert.deepEqual([replaced.usage?.inputTokenCount, replaced.usage?.outputTokenCount], [0, 2]);
  });

  it("skips what changes nothing, wherever it comes", () => {
    const nothing = [
      create(GenerationEventSchema, {}),
      event({ case: "heartbeat", value: {} }),
      event({ case: "providerEvent", value: { type: "t" } }),
    ];
    const whole = new Fold();
    for (const one of [...nothing, started, ...nothing, ended(), ...nothing, finished]) {
      whole.add(one);
    }
    whole.add(create(GenerationEventSchema, {}));
    assert.ok(whole.isFinished);
    assert.ok(equals(GenerateResponseSchema, whole.response, fold([started, ended(), finished])));
  });

  it("keeps unknown fields", () => {
    // Field 99, a text: newer than this client.
    const unknown = Uint8Array.from([0x9a, 0x06, 0x01, 0x78]);
    const part = fromBinary(PartSchema, unknown);
    const response = fold([started, opened(part), closed(), ended(), finished]);
    const kept = response.candidates[0]?.message?.parts[0] ?? assert.fail();
    assert.deepEqual(toBinary(PartSchema, kept), unknown);
  });

  it("neither keeps nor changes an event", () => {
    const events = [
      started,
      opened({ content: { case: "media", value: { source: { case: "data", value: bytes(1) } } } }),
      delta({ delta: { case: "data", value: bytes(2) }, annotations: [{ uri: "a" }] }),
      closed({ signature: { value: "s" } }),
      ended(),
      finished,
    ];
    const before = events.map((one) => clone(GenerationEventSchema, one));
    const response = fold(events);
    assert.deepEqual(events, before);
    for (const one of events) {
      if (one.event.case === "partDelta") {
        one.event.value.annotations.forEach((annotation) => (annotation.uri = "b"));
      }
    }
    assert.equal(response.candidates[0]?.message?.parts[0]?.annotations[0]?.uri, "a");
  });

  it("shows what has come so far, as it was at that look", () => {
    const whole = new Fold();
    whole.add(started);
    whole.add(opened({ content: { case: "text", value: "a" } }));
    const first = whole.response;
    whole.add(text("b"));
    const contents = [first, whole.response].map(
      (response) => response.candidates[0]?.message?.parts[0]?.content.value,
    );
    assert.deepEqual(contents, ["a", "ab"]);
    assert.equal(whole.isFinished, false);
  });
});

const open = opened({ content: { case: "text", value: "" } });

/** Events that are none, and what is wrong. */
const VIOLATIONS: readonly (readonly [readonly ReturnType<typeof event>[], string])[] = [
  [[open], "part_started precedes started, which is the first event"],
  [[started, started], "started comes twice"],
  [[started, finished, finished], "finished follows finished, which is the last event"],
  [
    [started, finished, event({ case: "heartbeat", value: {} })],
    "heartbeat follows finished, which is the last event",
  ],
  [[started, open, finished], "finished comes while candidates are open: [0]"],
  [
    [started, opened({}, 0, 3), opened({}, 0, 1), finished],
    "finished comes while candidates are open: [1, 3]",
  ],
  [[started, opened({}, 0, -1)], "candidate -1: indexes start at 0"],
  [[started, opened({}, 1)], "candidate 0, part 1: part_started comes where part 0 is the next"],
  [[started, ended(), open], "candidate 0, part 0: part_started follows candidate_finished"],
  [[started, text("a")], "candidate 0, part 0: part_delta comes while the part is not open"],
  [
    [started, open, closed(), text("a")],
    "candidate 0, part 0: part_delta comes while the part is not open",
  ],
  [[started, closed()], "candidate 0, part 0: part_finished comes while the part is not open"],
  [[started, ended(2), ended(2)], "candidate 2: candidate_finished comes twice"],
  [[started, open, ended()], "candidate 0: candidate_finished comes while parts are open: [0]"],
  [
    [started, open, delta({ delta: { case: "argumentsJson", value: "" } })],
    "candidate 0, part 0: a delta of arguments_json does not fit a part of the kind text",
  ],
  [
    [started, opened({ content: { case: "toolResult", value: {} } }), text("a")],
    "candidate 0, part 0: a delta of text does not fit a part of the kind tool_result",
  ],
  [
    [
      started,
      opened({ content: { case: "toolCall", value: { input: { case: "text", value: "a" } } } }),
      delta({ delta: { case: "argumentsJson", value: "b" } }),
    ],
    "candidate 0, part 0: a delta of arguments_json does not fit a tool_call that holds text",
  ],
  [
    [
      started,
      opened({ content: { case: "toolCall", value: {} } }),
      delta({ delta: { case: "argumentsJson", value: "b" } }),
      text("a"),
    ],
    "candidate 0, part 0: a delta of text does not fit a tool_call that holds arguments_json",
  ],
  [
    [
      started,
      opened({ content: { case: "media", value: { source: { case: "uri", value: "u" } } } }),
      delta({ delta: { case: "data", value: bytes(1) } }),
    ],
    "candidate 0, part 0: a delta of data does not fit a media that holds uri",
  ],
  [
    [started, opened({ content: { case: "media", value: {} } }), text("a")],
    "candidate 0, part 0: a delta of text does not fit a part of the kind media",
  ],
  [[started, ended()], "the events end without finished, which is the last event"],
  [[], "the events end without finished, which is the last event"],
];

describe("fold refuses", () => {
  for (const [events, message] of VIOLATIONS) {
    it(message, () => {
      assert.throws(() => fold(events), new GrammarError(message));
    });
  }
});
