import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import { errorFromFailure, GatewayError } from "../src/errors.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "../src/gen/google/rpc/error_details_pb.js";
import { errorFromConnect } from "../src/status.js";
import { CallFailureSchema, CompareFailureSchema, ErrorReason } from "../src/v1.js";

function detail<D extends DescMessage>(schema: D, message: MessageInitShape<D>) {
  return { type: schema.typeName, value: toBinary(schema, create(schema, message)) };
}

function status(code: Code, message: string, details: readonly ReturnType<typeof detail>[] = []) {
  const error = new ConnectError(message, code, { "x-request-id": "trailing" });
  error.details = [...details];
  return error;
}

function info(reason: string, domain = "llmgateway.dev") {
  return detail(ErrorInfoSchema, { domain, reason, metadata: { model: "m" } });
}

describe("the kind of an error", () => {
  for (const [kind, code, reason, started] of [
    ["INVALID_REQUEST", Code.InvalidArgument, "ERROR_REASON_INVALID_FIELD", false],
    ["INVALID_REQUEST", Code.FailedPrecondition, "ERROR_REASON_CAPABILITY_MISSING", false],
    ["INVALID_REQUEST", Code.ResourceExhausted, "ERROR_REASON_REQUEST_TOO_LARGE", false],
    ["AUTHENTICATION", Code.Unauthenticated, "ERROR_REASON_API_KEY_INVALID", false],
    ["PERMISSION_DENIED", Code.PermissionDenied, "ERROR_REASON_MODEL_NOT_ALLOWED", false],
    ["NOT_FOUND", Code.NotFound, "ERROR_REASON_MODEL_NOT_FOUND", false],
    ["RATE_LIMITED", Code.ResourceExhausted, "ERROR_REASON_PROVIDER_RATE_LIMITED", false],
    ["RATE_LIMITED", Code.ResourceExhausted, "ERROR_REASON_GATEWAY_OVERLOADED", false],
    ["RATE_LIMITED", Code.ResourceExhausted, "ERROR_REASON_QUOTA_EXCEEDED", true],
    ["UNAVAILABLE", Code.Unavailable, "ERROR_REASON_ALL_TARGETS_FAILED", false],
    ["UNAVAILABLE", Code.Unavailable, "", false],
    ["STREAM_BROKEN", Code.Unavailable, "ERROR_REASON_PROVIDER_UNREACHABLE", true],
    ["STREAM_BROKEN", Code.Unavailable, "ERROR_REASON_STREAM_BROKEN", false],
    ["DEADLINE_EXCEEDED", Code.DeadlineExceeded, "ERROR_REASON_TOTAL_TIMEOUT", false],
    ["DEADLINE_EXCEEDED", Code.DeadlineExceeded, "", true],
    ["OTHER", Code.ResourceExhausted, "ERROR_REASON_BUDGET_EXCEEDED", false],
    ["OTHER", Code.ResourceExhausted, "", false],
    ["OTHER", Code.Aborted, "ERROR_REASON_READER_TOO_SLOW", false],
    ["OTHER", Code.Internal, "ERROR_REASON_INTERNAL_ERROR", true],
    ["NOT_FOUND", Code.NotFound, "ERROR_REASON_NEWER_THAN_THIS", false],
  ] as const) {
    it(`is ${kind} for ${Code[code]} ${reason}${started ? " after content" : ""}`, () => {
      const details = reason === "" ? [] : [info(reason)];
      const error = errorFromConnect(status(code, "m", details), started);
      assert.equal(error.kind, kind);
      assert.equal(error.name, kind === "DEADLINE_EXCEEDED" ? "TimeoutError" : "GatewayError");
      assert.equal(error.started, started);
    });
  }

  for (const words of [
    "CLIENT: Received message larger than max (5 vs. 4)",
    "received trailing metadata size exceeds hard limit",
    "message size 5 is larger than configured readMaxBytes 4",
  ]) {
    it(`is INVALID_REQUEST where a library says: ${words}`, () => {
      const error = errorFromConnect(status(Code.ResourceExhausted, words));
      assert.equal(error.kind, "INVALID_REQUEST");
      assert.equal(error.reason, ErrorReason.REQUEST_TOO_LARGE);
      assert.notEqual(errorFromConnect(status(Code.Internal, words)).kind, "INVALID_REQUEST");
    });
  }
});

describe("an error", () => {
  it("holds all that the status says", () => {
    const usage = { inputTokenCount: 3 };
    const failure = {
      callId: "call-1",
      started: true,
      attempts: [{ provider: "p" }],
      usage,
      providerMessage: "theirs",
      quotaViolations: [{ scope: "key/ci", limit: 5n }],
    };
    const error = errorFromConnect(
      status(Code.ResourceExhausted, "Too many.", [
        info("ERROR_REASON_QUOTA_EXCEEDED", "another.dev"),
        info("ERROR_REASON_PROVIDER_RATE_LIMITED"),
        detail(RetryInfoSchema, { retryDelay: { seconds: 2n, nanos: 500_000_000 } }),
        detail(CallFailureSchema, failure),
        detail(BadRequestSchema, { fieldViolations: [{ field: "f", description: "d" }] }),
        detail(QuotaFailureSchema, { violations: [{ subject: "s" }] }),
      ]),
    );
    assert.ok(error instanceof Error);
    assert.equal(error.message, "Too many. [PROVIDER_RATE_LIMITED, call call-1]");
    assert.equal(error.rawMessage, "Too many.");
    assert.equal(error.reason, ErrorReason.PROVIDER_RATE_LIMITED);
    assert.deepEqual(error.metadata, { model: "m" });
    assert.equal(error.retryAfterMs, 2_500);
    assert.deepEqual([error.callId, error.started], ["call-1", true]);
    assert.deepEqual(
      error.attempts.map(({ provider }) => provider),
      ["p"],
    );
    assert.equal(error.usage?.inputTokenCount, 3);
    assert.equal(error.providerMessage, "theirs");
    assert.deepEqual(error.violations, [{ field: "f", description: "d" }]);
    assert.equal(error.quotaViolations[0]?.limit, 5n);
    assert.equal(error.quotaFailures[0]?.subject, "s");
  });

  it("stands without details, with what the trailers say", () => {
    const error = errorFromConnect(status(Code.Unavailable, ""));
    assert.equal(error.message, "UNAVAILABLE [UNAVAILABLE, call trailing]");
    assert.deepEqual([error.reason, error.retryAfterMs], [ErrorReason.UNSPECIFIED, undefined]);
    assert.deepEqual([error.attempts, error.usage], [[], undefined]);
  });

  it("stands with details that are broken or unknown", () => {
    const broken = { type: CallFailureSchema.typeName, value: Uint8Array.of(255) };
    const unknown = { type: "some.Other", value: Uint8Array.of(1) };
    const known = info("ERROR_REASON_NEWER_THAN_THIS");
    const error = errorFromConnect(status(Code.NotFound, "m", [broken, unknown, known]));
    assert.equal(error.message, "m [NEWER_THAN_THIS, call trailing]");
    assert.equal(error.reason, ErrorReason.UNSPECIFIED);
  });

  it("never says to come back before now", () => {
    const early = detail(RetryInfoSchema, { retryDelay: { seconds: -3n } });
    assert.equal(errorFromConnect(status(Code.Unavailable, "m", [early])).retryAfterMs, 0);
  });

  it("of one of several models is the one of its own stream", () => {
    const told = create(CompareFailureSchema, {
      code: 14,
      reason: ErrorReason.PROVIDER_OVERLOADED,
      message: "Busy.",
      failure: { callId: "c", attempts: [{ model: "m" }], usage: { outputTokenCount: 1 } },
    });
    const before = errorFromFailure(told, false);
    assert.equal(before.message, "Busy. [PROVIDER_OVERLOADED, call c]");
    assert.deepEqual([before.kind, before.attempts.length], ["UNAVAILABLE", 1]);
    assert.equal(before.usage?.outputTokenCount, 1);
    assert.equal(errorFromFailure(told, true).kind, "STREAM_BROKEN");
    const odd = fromBinary(CompareFailureSchema, Uint8Array.of(0x08, 99, 0x10, 99));
    assert.equal(errorFromFailure(odd, false).message, "UNKNOWN [UNKNOWN]");
  });

  it("made by hand is of the kind that follows", () => {
    assert.equal(new GatewayError("m", { code: "NOT_FOUND" }).kind, "NOT_FOUND");
    assert.equal(new GatewayError("m", { code: "NOT_FOUND", kind: "OTHER" }).kind, "OTHER");
  });
});
