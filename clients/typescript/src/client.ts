import { setMaxListeners } from "node:events";

import type {
  DescMessage,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import { Calls } from "./calls.js";
import { Comparison } from "./compare.js";
import type { Tls } from "./connections.js";
import { Connections } from "./connections.js";
import { checkTimeout, Deadline } from "./deadline.js";
import { Lookout } from "./diagnosis.js";
import type { CountTokensResponse } from "./gen/llmgateway/v1/count_tokens_pb.js";
import type { EmbedResponse } from "./gen/llmgateway/v1/embedding_pb.js";
import type { ExplainRouteResponse } from "./gen/llmgateway/v1/explain_pb.js";
import { LLMGateway } from "./gen/llmgateway/v1/gateway_pb.js";
import type { GenerateResponse } from "./gen/llmgateway/v1/generation_pb.js";
import type { Model } from "./gen/llmgateway/v1/model_pb.js";
import type { RerankResponse } from "./gen/llmgateway/v1/rerank_pb.js";
import type { EmbedOptions, Inputs, Prompt, PromptOptions } from "./request.js";
import { embedding, generation } from "./request.js";
import { RunningCall } from "./running.js";
import { errorFromConnect } from "./status.js";
import { GenerationStream } from "./stream.js";
import { parseTarget } from "./target.js";

const DEFAULT_TARGET = "127.0.0.1:50051";
const DEFAULT_TIMEOUT_MS = 600_000;
const DEFAULT_CONNECTION_COUNT = 4;
const PAGE_SIZE = 1_000;

/** How to reach a gateway. */
export interface ClientOptions {
  /** Where it is: `host:port`, or a gRPC name such as `dns:///gateway:50051`. `127.0.0.1:50051` if unset. */
  readonly target?: string | undefined;
  /** The caller's key, sent with every call, and in plain text where there is no TLS. */
  readonly key?: string | undefined;
  /** Whether to use TLS. Any certificate asks for it, too; without `rootCertificates` Node's own are trusted. */
  readonly tls?: boolean | undefined;
  /** The authorities to trust, as PEM. */
  readonly rootCertificates?: Uint8Array | string | undefined;
  /** The client's own key, as PEM. With its certificate it makes mutual TLS. */
  readonly clientKey?: Uint8Array | string | undefined;
  /** The client's own certificate, as PEM. */
  readonly clientCertificate?: Uint8Array | string | undefined;
  /** Bounds a call that names no time of its own, retries included: 600,000 if unset, `Infinity` for no bound. */
  readonly timeoutMs?: number | undefined;
  /** The most connections to each address, opened as calls run at once. 4 if unset. */
  readonly channels?: number | undefined;
}

/** What bounds one call. */
export interface CallOptions {
  /** How long it may take as a whole. The client's own bound if unset. */
  readonly timeoutMs?: number | undefined;
  /** Ends it early: it then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A prompt's options, and the call's. */
export type GenerateOptions = PromptOptions & CallOptions;

/** Which models to compare; what else may stand beside a prompt. */
export interface CompareOptions extends Omit<PromptOptions, "model">, CallOptions {
  /** 2 to 16 models or routes. One may come twice. */
  readonly models: readonly string[];
}

/** How to rank documents. */
export interface RerankOptions extends CallOptions {
  /** `provider/model`, or the name of a route. */
  readonly model: string;
  /** The most results. One for each document if unset. */
  readonly resultCount?: number | undefined;
}

/**
 * Calls a gateway.
 *
 * ```ts
 * const client = new Client({ key: "…" });
 * const answer = await client.generate("Hello", { model: "mock/echo" });
 * client.close();
 * ```
 *
 * A prompt is the user's text, the messages of a conversation, or a whole request; beside the last no option of a
 * prompt may stand. Every method throws a `GatewayError` for a call that failed, and its signal's reason for one that
 * was cancelled. The client connects with its first call. Connections without calls do not keep the process alive.
 */
export class Client {
  readonly #timeoutMs: number;
  readonly #connections: Connections;
  readonly #calls: Calls;
  readonly #lookout: Lookout;
  readonly #closing = new AbortController();

  /** Throws a `TypeError` or `RangeError` for options that make no sense. */
  constructor(options: ClientOptions = {}) {
    const target = parseTarget(options.target ?? DEFAULT_TARGET);
    const tls = tlsOf(options);
    const count = options.channels ?? DEFAULT_CONNECTION_COUNT;
    if (!Number.isInteger(count) || count < 1) {
      throw new RangeError(`channels must be 1 or more, not ${String(count)}.`);
    }
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    checkTimeout(this.#timeoutMs);
    this.#connections = new Connections(target, tls, count);
    this.#calls = new Calls(this.#connections, authorization(options.key));
    this.#lookout = new Lookout(target, tls !== undefined);
    // Every running call listens.
    setMaxListeners(0, this.#closing.signal);
  }

  /** Closes the connections. Running calls fail with `CANCELLED`, as do later ones. */
  close(): void {
    this.#closing.abort(new ConnectError("The client is closed.", Code.Canceled));
    this.#connections.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  /** Returns a whole answer. */
  async generate(prompt: Prompt, options: GenerateOptions = {}): Promise<GenerateResponse> {
    return this.#call(LLMGateway.method.generate, generation(prompt, options), options);
  }

  /** Returns an answer as it is written. `timeoutMs` bounds the stream as a whole. */
  stream(prompt: Prompt, options: GenerateOptions = {}): GenerationStream {
    const request = generation(prompt, options);
    const call = new RunningCall(
      () => this.#begin(options),
      (deadline) => this.#calls.stream(LLMGateway.method.streamGenerate, request, deadline),
    );
    return new GenerationStream(call, (error) => this.#lookout.explain(error));
  }

  /**
   * Returns what 2 to 16 models answer, as each writes it. The prompt names no model: `models` does.
   *
   * `timeoutMs` bounds the comparison as a whole.
   */
  compare(prompt: Prompt, options: CompareOptions): Comparison {
    const models = [...options.models];
    const request = { generation: generation(prompt, options), models };
    const call = new RunningCall(
      () => this.#begin(options),
      (deadline) => this.#calls.stream(LLMGateway.method.compare, request, deadline),
    );
    return new Comparison(call, models, (error) => this.#lookout.explain(error));
  }

  /** Returns a vector for each input: one text, several, or a whole request. */
  async embed(inputs: Inputs, options: EmbedOptions & CallOptions = {}): Promise<EmbedResponse> {
    return this.#call(LLMGateway.method.embed, embedding(inputs, options), options);
  }

  /** Returns how well documents answer a query, best first. */
  async rerank(
    query: string,
    documents: readonly string[],
    options: RerankOptions,
  ): Promise<RerankResponse> {
    const { model, resultCount } = options;
    const request = {
      model,
      query,
      documents: [...documents],
      ...(resultCount !== undefined && { resultCount }),
    };
    return this.#call(LLMGateway.method.rerank, request, options);
  }

  /** Returns how many tokens a generation would read. */
  async countTokens(prompt: Prompt, options: GenerateOptions = {}): Promise<CountTokensResponse> {
    const request = { generation: generation(prompt, options) };
    return this.#call(LLMGateway.method.countTokens, request, options);
  }

  /** Returns where a generation would go now, and why. Nothing is sent to any model. */
  async explain(prompt: Prompt, options: GenerateOptions = {}): Promise<ExplainRouteResponse> {
    const request = { generation: generation(prompt, options) };
    return this.#call(LLMGateway.method.explainRoute, request, options);
  }

  /** Returns one model or route; throws a `NOT_FOUND` where there is none of that name. */
  async model(id: string, options: CallOptions = {}): Promise<Model> {
    const { model } = await this.#call(LLMGateway.method.getModel, { id }, options);
    if (model === undefined) {
      throw new TypeError("The gateway answered without a model, which the contract forbids.");
    }
    return model;
  }

  /** Returns all models and routes that the key may use. `timeoutMs` bounds all pages together. */
  async models(options: CallOptions = {}): Promise<Model[]> {
    const method = LLMGateway.method.listModels;
    const deadline = this.#begin(options);
    const models: Model[] = [];
    let pageToken = "";
    do {
      const page = await this.#answer(method, { pageSize: PAGE_SIZE, pageToken }, deadline);
      models.push(...page.models);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    deadline.release();
    return models;
  }

  async #call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: CallOptions,
  ): Promise<MessageShape<O>> {
    const deadline = this.#begin(options);
    const answer = await this.#answer(method, request, deadline);
    deadline.release();
    return answer;
  }

  /** Returns an answer; releases the deadline where there is none. */
  async #answer<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    deadline: Deadline,
  ): Promise<MessageShape<O>> {
    try {
      return await this.#calls.unary(method, request, deadline);
    } catch (error) {
      deadline.release();
      throw error instanceof ConnectError
        ? await this.#lookout.explain(errorFromConnect(error))
        : error;
    }
  }

  #begin({ timeoutMs, signal }: CallOptions): Deadline {
    const signals = [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
    return new Deadline(timeoutMs ?? this.#timeoutMs, signals);
  }
}

function tlsOf(options: ClientOptions): Tls | undefined {
  const { rootCertificates, clientKey, clientCertificate } = options;
  if ((clientKey === undefined) !== (clientCertificate === undefined)) {
    throw new TypeError("clientKey and clientCertificate belong together: give both or none.");
  }
  const isWanted =
    options.tls === true || rootCertificates !== undefined || clientCertificate !== undefined;
  return isWanted ? { rootCertificates, clientKey, clientCertificate } : undefined;
}

/** Returns the header that carries a key; throws a `TypeError` for one that cannot be sent. */
function authorization(key: string | undefined): Readonly<Record<string, string>> {
  if (key === undefined) {
    return {};
  }
  if (!/^[!-~]+$/.test(key)) {
    throw new TypeError(
      "The key must be printable ASCII without spaces. Was it copied with a line break?",
    );
  }
  return { authorization: `Bearer ${key}` };
}
