import { setTimeout as wait } from "node:timers/promises";

import type {
  DescMessage,
  DescMethodStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";

import { Attempt } from "./attempt.js";
import type { Connections } from "./connections.js";
import type { Deadline } from "./deadline.js";
import { Retries, Throttle } from "./retry.js";

const USER_AGENT = "llmgateway-typescript";
// What gRPC allows for the number of a time-out.
const MAX_TIMEOUT_NUMBER = 99_999_999;

/**
 * Makes calls, each with as many tries as it may have. What fails throws a `ConnectError`, or else why its deadline
 * ended it.
 */
export class Calls {
  readonly #throttle = new Throttle();
  readonly #headers: Readonly<Record<string, string>>;

  constructor(
    private readonly connections: Connections,
    headers: Readonly<Record<string, string>>,
  ) {
    this.#headers = { ...headers, "user-agent": USER_AGENT };
  }

  /** Returns the answer of a call that has one. */
  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    deadline: Deadline,
  ): Promise<MessageShape<O>> {
    const [, { message }] = await this.#try(deadline, ({ transport }, headers) =>
      transport.unary(method, deadline.signal, undefined, headers, request),
    );
    this.#throttle.succeed();
    return message;
  }

  /** Yields the answers of a call that has many. Ending its deadline ends the call, wherever it is. */
  async *stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    request: MessageInitShape<I>,
    deadline: Deadline,
  ): AsyncGenerator<MessageShape<O>, void, undefined> {
    const [attempt, { message }] = await this.#try(deadline, ({ transport }, headers) =>
      transport.stream(method, deadline.signal, undefined, headers, once(request)),
    );
    try {
      yield* message;
    } catch (error) {
      deadline.throwIfOver();
      throw attempt.failure(error);
    }
    this.#throttle.succeed();
  }

  /** Returns what a try brought, and the try. */
  async #try<R>(
    deadline: Deadline,
    start: (attempt: Attempt, headers: Headers) => Promise<R>,
  ): Promise<[Attempt, R]> {
    const retries = new Retries(this.#throttle);
    for (;;) {
      deadline.throwIfOver();
      const attempt = new Attempt(this.connections);
      try {
        return [attempt, await start(attempt, this.#headersOf(deadline, retries.failedCount))];
      } catch (error) {
        deadline.throwIfOver();
        const failure = attempt.failure(error);
        const waitMs = retries.waitMs(failure, attempt.hasBegun);
        if (waitMs === undefined) {
          throw failure;
        }
        // An end before its time is the deadline's, which is looked at next.
        await wait(waitMs, undefined, { signal: deadline.signal }).catch(() => undefined);
      }
    }
  }

  #headersOf(deadline: Deadline, previousCount: number): Headers {
    const headers = new Headers(this.#headers);
    const timeout = encodeTimeout(deadline.leftMs);
    if (timeout !== undefined) {
      headers.set("grpc-timeout", timeout);
    }
    if (previousCount > 0) {
      headers.set("grpc-previous-rpc-attempts", String(previousCount));
    }
    return headers;
  }
}

/** Writes a time-out as gRPC does; undefined for one that it cannot write, which is none in practice. */
export function encodeTimeout(ms: number): string | undefined {
  for (const [unit, unitMs] of [
    ["m", 1],
    ["S", 1_000],
    ["H", 3_600_000],
  ] as const) {
    const number = Math.ceil(ms / unitMs);
    if (number <= MAX_TIMEOUT_NUMBER) {
      return `${String(number)}${unit}`;
    }
  }
  return undefined;
}

// eslint-disable-next-line @typescript-eslint/require-await -- Connect asks for an asynchronous one.
async function* once<T>(message: T): AsyncGenerator<T, void, undefined> {
  yield message;
}
