/**
 * Reads what a failed RPC means from its status. Without Node.
 *
 * @module
 */
import type { ConnectError } from "@connectrpc/connect";
import { Code } from "@connectrpc/connect";

import { factsOf, GatewayError, statusCodeOf, UNSPECIFIED } from "./errors.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "./gen/google/rpc/error_details_pb.js";
import type { CallFailure } from "./gen/llmgateway/v1/call_pb.js";
import { CallFailureSchema } from "./gen/llmgateway/v1/call_pb.js";

const DOMAIN = "llmgateway.dev";
const CALL_ID_KEY = "x-request-id";
const TOO_LARGE = "ERROR_REASON_REQUEST_TOO_LARGE";
// The words of gRPC's servers, and of Connect, for a message or metadata over the receiver's limit.
const TOO_LARGE_WORDS = [
  "message larger than max",
  "metadata size exceeds",
  "larger than configured readMaxBytes",
];

/**
 * Returns what a failed RPC means.
 *
 * `contentCame` tells that the caller has received content on a stream. Details that are absent, unknown or broken are
 * left out: the status itself always stands.
 */
export function errorFromConnect(error: ConnectError, contentCame = false): GatewayError {
  const info = error.findDetails(ErrorInfoSchema).find((detail) => detail.domain === DOMAIN);
  const failure = error.findDetails(CallFailureSchema).at(0);
  const code = statusCodeOf(error.code);
  return new GatewayError(error.rawMessage === "" ? code : error.rawMessage, {
    code,
    reasonName: info?.reason ?? libraryReason(error),
    metadata: info?.metadata,
    retryAfterMs: retryAfterMs(error),
    ...factsOf(failure),
    callId: callIdOf(error, failure),
    started: contentCame || failure?.started === true,
    violations: error
      .findDetails(BadRequestSchema)
      .flatMap((wrong) => wrong.fieldViolations)
      .map(({ field, description }) => ({ field, description })),
    quotaFailures: error.findDetails(QuotaFailureSchema).flatMap((quota) => quota.violations),
    cause: error,
  });
}

function callIdOf(error: ConnectError, failure: CallFailure | undefined): string {
  const told = failure?.callId ?? "";
  return told === "" ? (error.metadata.get(CALL_ID_KEY) ?? "") : told;
}

/** Returns the reason of a status that a gRPC library made itself: it refuses a message over a limit unseen. */
function libraryReason(error: ConnectError): string {
  const isTooLarge =
    error.code === Code.ResourceExhausted &&
    TOO_LARGE_WORDS.some((words) => error.rawMessage.includes(words));
  return isTooLarge ? TOO_LARGE : UNSPECIFIED;
}

function retryAfterMs(error: ConnectError): number | undefined {
  const delay = error.findDetails(RetryInfoSchema).at(0)?.retryDelay;
  return delay && Math.max(0, Number(delay.seconds) * 1_000 + delay.nanos / 1_000_000);
}
