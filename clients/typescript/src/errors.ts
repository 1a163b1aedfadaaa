/**
 * What a failed call throws: one error that holds all that the gateway said. Without Node.
 *
 * @module
 */
import type { QuotaFailure_Violation } from "./gen/google/rpc/error_details_pb.js";
import type { Attempt, CallFailure, QuotaViolation } from "./gen/llmgateway/v1/call_pb.js";
import type { CompareFailure } from "./gen/llmgateway/v1/compare_pb.js";
import { ErrorReason } from "./gen/llmgateway/v1/error_reason_pb.js";
import type { Usage } from "./gen/llmgateway/v1/usage_pb.js";

/**
 * What to do about a failure:
 *
 * - `INVALID_REQUEST`: the request is wrong, or no target can serve it; sending it again is no use.
 * - `AUTHENTICATION`: the key is absent, unknown, expired or revoked.
 * - `PERMISSION_DENIED`: the key may not do this.
 * - `NOT_FOUND`: no model and no route has this name, or the cache does not hold the answer.
 * - `RATE_LIMITED`: a rate limit or a full gateway; try again after `retryAfterMs`.
 * - `UNAVAILABLE`: gateway or provider failed before any content; try again, or elsewhere.
 * - `DEADLINE_EXCEEDED`: the call took too long.
 * - `STREAM_BROKEN`: the stream broke off after content; trying again means paying again.
 * - `OTHER`: none of these; see `reason` and `code`.
 */
export type ErrorKind =
  | "INVALID_REQUEST"
  | "AUTHENTICATION"
  | "PERMISSION_DENIED"
  | "NOT_FOUND"
  | "RATE_LIMITED"
  | "UNAVAILABLE"
  | "DEADLINE_EXCEEDED"
  | "STREAM_BROKEN"
  | "OTHER";

// By their numbers, from 1.
const STATUS_CODES = [
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** The name of a gRPC status code. */
export type StatusCode = (typeof STATUS_CODES)[number];

const KINDS_BY_CODE: Partial<Record<StatusCode, ErrorKind>> = {
  INVALID_ARGUMENT: "INVALID_REQUEST",
  FAILED_PRECONDITION: "INVALID_REQUEST",
  UNAUTHENTICATED: "AUTHENTICATION",
  PERMISSION_DENIED: "PERMISSION_DENIED",
  NOT_FOUND: "NOT_FOUND",
  UNAVAILABLE: "UNAVAILABLE",
  DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
};

// RESOURCE_EXHAUSTED is also a library's word for a message that is too large: there waiting is no use.
const KINDS_BY_REASON: Partial<Record<ErrorReason, ErrorKind>> = {
  [ErrorReason.QUOTA_EXCEEDED]: "RATE_LIMITED",
  [ErrorReason.PROVIDER_RATE_LIMITED]: "RATE_LIMITED",
  [ErrorReason.GATEWAY_OVERLOADED]: "RATE_LIMITED",
  [ErrorReason.REQUEST_TOO_LARGE]: "INVALID_REQUEST",
  [ErrorReason.STREAM_BROKEN]: "STREAM_BROKEN",
};

const REASON_PREFIX = "ERROR_REASON_";
/** The name of the reason of a failure for which the gateway gave none. */
export const UNSPECIFIED = "ERROR_REASON_UNSPECIFIED";
const REASONS: ReadonlyMap<string, ErrorReason> = new Map(
  Object.values(ErrorReason)
    .filter((reason) => typeof reason === "number")
    .map((reason) => [nameOf(reason), reason]),
);

/** One wrong field: its path in the request's message, and what would be right. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** What an error holds beside its message. What is left out is unknown. */
export interface GatewayErrorInit {
  readonly code?: StatusCode | undefined;
  /** If unset, what follows from reason, code and `started`. */
  readonly kind?: ErrorKind | undefined;
  readonly reasonName?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly callId?: string | undefined;
  readonly started?: boolean | undefined;
  readonly attempts?: readonly Attempt[] | undefined;
  readonly usage?: Usage | undefined;
  readonly providerMessage?: string | undefined;
  readonly violations?: readonly FieldViolation[] | undefined;
  readonly quotaViolations?: readonly QuotaViolation[] | undefined;
  readonly quotaFailures?: readonly QuotaFailure_Violation[] | undefined;
  readonly cause?: unknown;
}

/**
 * A call that failed. Branch on `kind` or `reason`, never on the message.
 *
 * Where the call took too long its `name` is `TimeoutError`, as it is for the platform's own time-outs.
 */
export class GatewayError extends Error {
  /** What to do about it. */
  readonly kind: ErrorKind;
  /** The gRPC status code. */
  readonly code: StatusCode;
  /** The gateway's reason; `UNSPECIFIED` where it gave none, as for a failure of the network, or a newer one. */
  readonly reason: ErrorReason;
  /** The reason's name as it came, for example `ERROR_REASON_MODEL_NOT_FOUND`. */
  readonly reasonName: string;
  /** The message alone; `message` has the reason and the call's id behind it. */
  readonly rawMessage: string;
  /** What belongs to the reason: see the comments of `ErrorReason`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The time after which trying again may help. Undefined where the gateway does not say. */
  readonly retryAfterMs: number | undefined;
  /** The gateway's id of the call. Empty where the call never reached the gateway. */
  readonly callId: string;
  /** Whether content had come before the failure: then trying again means paying again. */
  readonly started: boolean;
  /** The gateway's tries at its targets, in order. */
  readonly attempts: readonly Attempt[];
  /** What was charged all the same. Undefined if unknown. */
  readonly usage: Usage | undefined;
  /** The provider's own message. Empty if it sent none. */
  readonly providerMessage: string;
  /** The fields that are wrong. */
  readonly violations: readonly FieldViolation[];
  /** The gateway's quotas that refused the call. */
  readonly quotaViolations: readonly QuotaViolation[];
  /** The same in gRPC's own words. */
  readonly quotaFailures: readonly QuotaFailure_Violation[];

  constructor(message: string, init: GatewayErrorInit = {}) {
    const code = init.code ?? "UNKNOWN";
    const reasonName = init.reasonName ?? UNSPECIFIED;
    const callId = init.callId ?? "";
    super(
      describe(message, code, reasonName, callId),
      init.cause === undefined ? undefined : { cause: init.cause },
    );
    this.code = code;
    this.reasonName = reasonName;
    this.reason = reasonOf(reasonName);
    this.rawMessage = message;
    this.metadata = init.metadata ?? {};
    this.retryAfterMs = init.retryAfterMs;
    this.callId = callId;
    this.started = init.started ?? false;
    this.attempts = init.attempts ?? [];
    this.usage = init.usage;
    this.providerMessage = init.providerMessage ?? "";
    this.violations = init.violations ?? [];
    this.quotaViolations = init.quotaViolations ?? [];
    this.quotaFailures = init.quotaFailures ?? [];
    this.kind = init.kind ?? kindOf(code, this.reason, this.started);
    this.name = this.kind === "DEADLINE_EXCEEDED" ? "TimeoutError" : "GatewayError";
  }
}

/**
 * Returns what the failure of one of several models means: the error that its own stream would have thrown.
 *
 * `contentCame` tells that content of this model has come.
 */
export function errorFromFailure(told: CompareFailure, contentCame: boolean): GatewayError {
  const code = statusCodeOf(told.code);
  return new GatewayError(told.message === "" ? code : told.message, {
    code,
    reasonName: told.reason in ErrorReason ? nameOf(told.reason) : undefined,
    ...factsOf(told.failure),
    started: contentCame || told.failure?.started === true,
  });
}

/** Returns the error of a stream that is not as the contract has it. */
export function brokenStream(message: string, init: GatewayErrorInit = {}): GatewayError {
  return new GatewayError(message, { code: "INTERNAL", kind: "STREAM_BROKEN", ...init });
}

/** Returns what the gateway knows of a call that failed. */
export function factsOf(failure: CallFailure | undefined): GatewayErrorInit {
  if (failure === undefined) {
    return {};
  }
  const { callId, attempts, usage, providerMessage, quotaViolations } = failure;
  return { callId, attempts, usage, providerMessage, quotaViolations };
}

function describe(message: string, code: string, reasonName: string, callId: string): string {
  const name = reasonName === UNSPECIFIED ? code : reasonName.replace(REASON_PREFIX, "");
  return `${message} [${name}${callId && `, call ${callId}`}]`;
}

/** Returns the kind of a failure. UNAVAILABLE after content is a broken stream, whoever noticed it. */
function kindOf(code: StatusCode, reason: ErrorReason, started: boolean): ErrorKind {
  const byReason = KINDS_BY_REASON[reason];
  if (byReason !== undefined) {
    return byReason;
  }
  if (code === "UNAVAILABLE" && started) {
    return "STREAM_BROKEN";
  }
  return KINDS_BY_CODE[code] ?? "OTHER";
}

/** Returns the name of a reason as it is on the wire. */
function nameOf(reason: ErrorReason): string {
  return `${REASON_PREFIX}${ErrorReason[reason]}`;
}

/** Returns the reason of a name, `UNSPECIFIED` for one that this client does not know. */
function reasonOf(name: string): ErrorReason {
  return REASONS.get(name) ?? ErrorReason.UNSPECIFIED;
}

/** Returns the name of a status code, `UNKNOWN` for one that is none. */
export function statusCodeOf(number: number): StatusCode {
  return STATUS_CODES[number - 1] ?? "UNKNOWN";
}
