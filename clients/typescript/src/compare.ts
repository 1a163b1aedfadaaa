import { ConnectError } from "@connectrpc/connect";

import { brokenStream, errorFromFailure } from "./errors.js";
import type { GatewayError } from "./errors.js";
import { Fold, GrammarError } from "./fold.js";
import type { CompareResponse } from "./gen/llmgateway/v1/compare_pb.js";
import type { GenerateResponse } from "./gen/llmgateway/v1/generation_pb.js";
import type { GenerationEvent } from "./gen/llmgateway/v1/stream_pb.js";
import { Reading } from "./reading.js";
import type { RunningCall } from "./running.js";
import { errorFromConnect } from "./status.js";
import { isContent } from "./stream.js";
import type { Explain } from "./stream.js";

/** One of the models that are compared: what it has written by now, and how it ended. */
export class ComparedModel {
  #error: GatewayError | undefined;
  #contentCame = false;
  readonly #fold = new Fold();

  /** @internal */
  constructor(
    /** Its place among the models asked. */
    readonly index: number,
    /** What it was asked by. */
    readonly name: string,
  ) {}

  /** Why it failed, undefined if it has not. What came before a failure stays in `response`. */
  get error(): GatewayError | undefined {
    return this.#error;
  }

  /** What its events so far add up to: the whole answer once it has finished. */
  get response(): GenerateResponse {
    return this.#fold.response;
  }

  /** Whether its last event has come: `response` is the whole answer. */
  get isFinished(): boolean {
    return this.#fold.isFinished;
  }

  /** Whether it has finished or failed: nothing more comes from it. */
  get hasEnded(): boolean {
    return this.isFinished || this.#error !== undefined;
  }

  /** Returns the whole answer; throws why there is none. */
  result(): GenerateResponse {
    if (this.#error !== undefined) {
      throw this.#error;
    }
    if (!this.isFinished) {
      throw new Error(`${this.name} has not finished: read the comparison to its end first.`);
    }
    return this.response;
  }

  /** @internal */
  get contentCame(): boolean {
    return this.#contentCame;
  }

  /** @internal */
  add(event: GenerationEvent): void {
    this.#fold.add(event);
    this.#contentCame ||= isContent(event);
  }

  /** @internal */
  fail(error: GatewayError): void {
    this.#error = error;
  }
}

/** What came next of one model: an event, or its failure. */
export type ComparedEvent =
  | { readonly model: ComparedModel; readonly event: GenerationEvent; readonly error?: undefined }
  | { readonly model: ComparedModel; readonly event?: undefined; readonly error: GatewayError };

/**
 * What several models write, event by event, each as it comes. Single use.
 *
 * It starts with the first event. Leaving the loop early cancels the call, and every provider stops working; so do
 * `close` and dropping the last reference to it.
 *
 * ```ts
 * const comparison = client.compare("Hello", { models: ["mock/echo", "mock/lorem"] });
 * for await (const { model, event } of comparison) {
 *   console.log(model.name, event === undefined ? "failed" : event.event.case);
 * }
 * for (const model of comparison.models) {
 *   console.log(model.name, model.error ?? model.response.usage?.outputTokenCount);
 * }
 * ```
 *
 * That one model fails ends nothing for the others. What fails is thrown only where it concerns them all: then it is
 * the error of each that had not ended.
 */
export class Comparison implements AsyncIterableIterator<ComparedEvent> {
  /** The models, in the order in which they were asked. */
  readonly models: readonly ComparedModel[];
  readonly #events: Reading<CompareResponse, ComparedEvent>;

  /** @internal */
  constructor(call: RunningCall<CompareResponse>, names: readonly string[], explain: Explain) {
    this.models = names.map((name, index) => new ComparedModel(index, name));
    this.#events = new Reading(call, {
      unpack: (message) => this.#unpack(message),
      note: (came) => {
        this.#note(came);
      },
      checkEnd: () => {
        if (!this.models.every((model) => model.hasEnded)) {
          throw this.#fail(brokenStream("The stream ended before every model had."));
        }
      },
      explain: async (failure) => {
        if (!(failure instanceof ConnectError)) {
          return failure;
        }
        const contentCame = this.models.some((model) => model.contentCame);
        return this.#fail(await explain(errorFromConnect(failure, contentCame)));
      },
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Returns what came next of any model; throws a `GatewayError` if the call as a whole fails. */
  next(): Promise<IteratorResult<ComparedEvent, undefined>> {
    return this.#events.next();
  }

  /** Leaves the comparison, as a loop does that is left early. */
  return(): Promise<IteratorResult<ComparedEvent, undefined>> {
    this.close();
    return Promise.resolve({ value: undefined, done: true });
  }

  /** Reads to the end and returns the models, each with its answer or its error. */
  async collect(): Promise<readonly ComparedModel[]> {
    while ((await this.next()).done !== true) {
      // Each event is in its model's fold by now.
    }
    return this.models;
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

  /** Returns what a message holds; one of a kind that this client does not know holds nothing. */
  #unpack({ modelIndex, item }: CompareResponse): readonly ComparedEvent[] {
    const model = this.models[modelIndex];
    if (model === undefined) {
      throw this.#nonsense(`there is no model ${String(modelIndex)}`);
    }
    if (model.hasEnded) {
      throw this.#nonsense(`${model.name} goes on after its end`);
    }
    switch (item.case) {
      case "events":
        return item.value.events.map((event) => ({ model, event }));
      case "failure":
        return [{ model, error: errorFromFailure(item.value, model.contentCame) }];
      case undefined:
        return [];
    }
  }

  #note({ model, event, error }: ComparedEvent): void {
    if (event === undefined) {
      model.fail(error);
      return;
    }
    try {
      model.add(event);
    } catch (wrong) {
      throw wrong instanceof GrammarError
        ? this.#nonsense(`${model.name}: ${wrong.message}`, wrong)
        : wrong;
    }
  }

  #nonsense(what: string, cause?: unknown): GatewayError {
    return this.#fail(brokenStream(`The stream makes no sense: ${what}.`, { cause }));
  }

  /** Makes an error that of every model that has not ended. */
  #fail(error: GatewayError): GatewayError {
    for (const model of this.models) {
      if (!model.hasEnded) {
        model.fail(error);
      }
    }
    return error;
  }
}
