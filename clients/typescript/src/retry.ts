/**
 * When to try again: gRPC proposal A6, whose service config Connect does not know.
 *
 * A call is tried again only before the server has begun to answer, so that nothing is answered twice. The gateway has
 * tried the targets itself and says so by push-back: what is left is a gateway that restarts or cannot be reached.
 * CANCELLED is what gRPC's server says of a call that comes between its stop and the news of it (GOAWAY), before anyone
 * looked at it; what the caller itself cancels is not tried again. RESOURCE_EXHAUSTED is not here: a rate limit may last
 * for minutes, and a request that is too large stays so.
 *
 * @module
 */
import { Code } from "@connectrpc/connect";
import type { ConnectError } from "@connectrpc/connect";

const RETRIED_CODES: ReadonlySet<Code> = new Set([Code.Unavailable, Code.Canceled]);
const MAX_TRIES = 4;
const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 2_000;
const GROWTH = 2;
const JITTER = 0.2;
// Every failed try takes one of the tokens, every call that succeeds gives half a one back; below half of them nothing
// is tried again. A rolling restart fails dozens of calls at once, an outage thousands.
const TOKENS = 100;
const TOKENS_BY_SUCCESS = 0.5;
const PUSHBACK_KEY = "grpc-retry-pushback-ms";

/** Stops retries in an outage. All calls of a client share it. */
export class Throttle {
  #tokens = TOKENS;

  /** Whether a failure may be followed by another try. */
  get isOpen(): boolean {
    return this.#tokens > TOKENS / 2;
  }

  fail(): void {
    this.#tokens = Math.max(0, this.#tokens - 1);
  }

  succeed(): void {
    this.#tokens = Math.min(TOKENS, this.#tokens + TOKENS_BY_SUCCESS);
  }
}

/** The tries of one call. */
export class Retries {
  /** How many tries have failed. */
  failedCount = 0;
  #sincePushback = 0;

  constructor(
    private readonly throttle: Throttle,
    private readonly random: () => number = Math.random,
  ) {}

  /** Returns how long to wait after a failure before the next try; undefined if there must be none. */
  waitMs(failure: ConnectError, hasBegun: boolean): number | undefined {
    this.failedCount += 1;
    if (hasBegun || !RETRIED_CODES.has(failure.code)) {
      return undefined;
    }
    this.throttle.fail();
    if (!this.throttle.isOpen || this.failedCount >= MAX_TRIES) {
      return undefined;
    }
    const pushback = failure.metadata.get(PUSHBACK_KEY);
    if (pushback !== null) {
      this.#sincePushback = 0;
      return /^\d+$/.test(pushback) ? Number(pushback) : undefined;
    }
    const waitMs = Math.min(FIRST_WAIT_MS * GROWTH ** this.#sincePushback++, MAX_WAIT_MS);
    return waitMs * (1 - JITTER + 2 * JITTER * this.random());
  }
}
