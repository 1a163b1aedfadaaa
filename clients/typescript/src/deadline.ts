import { Code, ConnectError } from "@connectrpc/connect";

// A timer of the platform's that is set for longer fires at once.
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Throws a `RangeError` for what is no bound. */
export function checkTimeout(ms: number): void {
  if (!(ms >= 0)) {
    throw new RangeError(`timeoutMs must be 0 or more, not ${String(ms)}.`);
  }
}

/** Bounds one call, in time and by signals: the first that comes ends it. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #signals: readonly AbortSignal[];
  readonly #endsAtMs: number;
  readonly #timer: NodeJS.Timeout | undefined;
  #reason: unknown;

  /** `timeoutMs` is `Infinity` for a call without a bound of its own. */
  constructor(timeoutMs: number, signals: readonly AbortSignal[]) {
    checkTimeout(timeoutMs);
    this.#endsAtMs = performance.now() + timeoutMs;
    if (timeoutMs <= MAX_TIMER_MS) {
      // A call keeps the process alive by its connection, not by its bound.
      this.#timer = setTimeout(this.#expire, timeoutMs, timeoutMs).unref();
    }
    this.#signals = signals;
    for (const signal of signals) {
      signal.addEventListener("abort", this.#obey);
    }
    const over = signals.find((signal) => signal.aborted);
    if (over !== undefined) {
      this.abort(over.reason);
    }
  }

  /** Aborted when the call must end. Its own reason says no more than that, for Connect to tell the server so. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** How long the call may still take, 0 or more. */
  get leftMs(): number {
    return Math.max(0, this.#endsAtMs - performance.now());
  }

  /** Throws why the call had to end, if it had to. */
  throwIfOver(): void {
    if (this.signal.aborted) {
      throw this.#reason;
    }
  }

  /** Ends the call for a reason that it then throws. */
  abort(reason: unknown): void {
    if (!this.signal.aborted) {
      this.#reason = reason;
      this.#controller.abort();
      this.release();
    }
  }

  /** Lets go of timer and signals: the call is over. */
  release(): void {
    clearTimeout(this.#timer);
    for (const signal of this.#signals) {
      signal.removeEventListener("abort", this.#obey);
    }
  }

  readonly #expire = (timeoutMs: number): void => {
    const message = `The call took longer than its ${String(timeoutMs)} ms.`;
    this.abort(new ConnectError(message, Code.DeadlineExceeded));
  };

  readonly #obey = (event: Event): void => {
    this.abort((event.target as AbortSignal).reason);
  };
}
