import { ConnectError } from "@connectrpc/connect";

import { brokenStream } from "./errors.js";
import type { GatewayError } from "./errors.js";
import { Fold, GrammarError } from "./fold.js";
import type { GenerateResponse } from "./gen/llmgateway/v1/generation_pb.js";
import type { GenerationEvent, StreamGenerateResponse } from "./gen/llmgateway/v1/stream_pb.js";
import { Reading } from "./reading.js";
import type { RunningCall } from "./running.js";
import { errorFromConnect } from "./status.js";

/** What may know more of a failure than its status says. */
export type Explain = (error: GatewayError) => Promise<GatewayError>;

/** What shows that content has come: see `GatewayError.started`. */
const CONTENT: ReadonlySet<string | undefined> = new Set([
  "partStarted",
  "partDelta",
  "partFinished",
  "candidateFinished",
  "finished",
]);

/** Whether an event shows that content has come. */
export function isContent({ event }: GenerationEvent): boolean {
  return CONTENT.has(event.case);
}

/**
 * The events of one generation, one by one. Single use.
 *
 * It starts with the first event. Leaving the loop early cancels the call, and the provider stops working; so do
 * `close` and dropping the last reference to the stream.
 *
 * ```ts
 * const stream = client.stream("Hello", { model: "mock/echo" });
 * for await (const piece of stream.text()) {
 *   process.stdout.write(piece);
 * }
 * console.log(stream.response.usage);
 * ```
 *
 * Events of a kind that this client does not know come without `event.case`: skip them.
 */
export class GenerationStream implements AsyncIterableIterator<GenerationEvent> {
  readonly #events: Reading<StreamGenerateResponse, GenerationEvent>;
  readonly #fold = new Fold();
  #contentCame = false;

  /** @internal */
  constructor(call: RunningCall<StreamGenerateResponse>, explain: Explain) {
    this.#events = new Reading(call, {
      unpack: ({ events }) => events,
      note: (event) => {
        this.#note(event);
      },
      checkEnd: () => {
        if (!this.isFinished) {
          throw this.#broken("The stream ended without its last event.");
        }
      },
      explain: (failure) =>
        failure instanceof ConnectError
          ? explain(errorFromConnect(failure, this.#contentCame))
          : Promise.resolve(failure),
    });
  }

  /** What the events so far add up to: the whole answer once the stream has ended. */
  get response(): GenerateResponse {
    return this.#fold.response;
  }

  /** Whether the last event has come: `response` is the whole answer. */
  get isFinished(): boolean {
    return this.#fold.isFinished;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Returns the next event; throws a `GatewayError` if the call fails, and what its signal says if that ends it. */
  next(): Promise<IteratorResult<GenerationEvent, undefined>> {
    return this.#events.next();
  }

  /** Leaves the stream, as a loop does that is left early. */
  return(): Promise<IteratorResult<GenerationEvent, undefined>> {
    this.close();
    return Promise.resolve({ value: undefined, done: true });
  }

  /** Yields the answer's text in pieces as it comes: that of text parts, without reasoning or refusals. */
  async *text(candidateIndex = 0): AsyncGenerator<string, void, undefined> {
    const openTexts = new Set<number>();
    for await (const { candidateIndex: index, event } of this) {
      let piece = "";
      if (index !== candidateIndex) {
        continue;
      } else if (event.case === "partStarted" && event.value.part?.content.case === "text") {
        openTexts.add(event.value.index);
        piece = event.value.part.content.value;
      } else if (event.case === "partDelta" && openTexts.has(event.value.index)) {
        piece = event.value.delta.case === "text" ? event.value.delta.value : "";
      }
      if (piece !== "") {
        yield piece;
      }
    }
  }

  /** Reads to the end and returns the whole answer. */
  async collect(): Promise<GenerateResponse> {
    while ((await this.next()).done !== true) {
      // Each event is in the fold by now.
    }
    return this.response;
  }

  /** Cancels the call unless it has ended. No event comes afterwards. */
  close(): void {
    this.#events.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  #note(event: GenerationEvent): void {
    try {
      this.#fold.add(event);
    } catch (error) {
      throw error instanceof GrammarError
        ? this.#broken(`The stream makes no sense: ${error.message}.`, error)
        : error;
    }
    this.#contentCame ||= isContent(event);
  }

  #broken(message: string, cause?: unknown): GatewayError {
    const callId = this.response.call?.callId;
    return brokenStream(message, { callId, started: this.#contentCame, cause });
  }
}
