/**
 * Makes the calls of conformance cases by this client, and writes what it saw.
 *
 * A case is a line of JSON on standard input, an answer a line on standard output; `tests/conformance/README.md` has
 * both.
 */
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { CallOptions } from "@llmgateway/client";
import { Client, GatewayError, textOf } from "@llmgateway/client";
import {
  AttemptSchema,
  CompareRequestSchema,
  CountTokensRequestSchema,
  CountTokensResponseSchema,
  EmbedRequestSchema,
  EmbedResponseSchema,
  ExplainRouteRequestSchema,
  ExplainRouteResponseSchema,
  GenerateRequestSchema,
  GenerateResponseSchema,
  GenerationEventSchema,
  GetModelRequestSchema,
  ModelSchema,
  QuotaViolationSchema,
  RerankRequestSchema,
  RerankResponseSchema,
  UsageSchema,
} from "@llmgateway/client/v1";

interface Case {
  readonly name: string;
  readonly client: {
    readonly target: string;
    readonly key?: string;
    readonly tls?: boolean;
    readonly root_certificates?: string;
    readonly client_key?: string;
    readonly client_certificate?: string;
  };
  readonly rpc: string;
  readonly request_bytes: string;
  readonly timeout_s?: number;
  readonly leave_after?: number;
  readonly cancel_after_ms?: number;
  readonly follow_up_bytes?: string;
  readonly repeat?: { readonly count: number; readonly concurrency: number };
}

type Answer = Record<string, unknown>;

const clients = new Map<string, Client>();

function encode<D extends DescMessage>(schema: D, message: MessageShape<D>): string {
  return Buffer.from(toBinary(schema, message)).toString("base64");
}

function decode<D extends DescMessage>(schema: D, bytes: string): MessageShape<D> {
  return fromBinary(schema, Buffer.from(bytes, "base64"));
}

function read(path: string | undefined): Promise<Buffer> | undefined {
  return path === undefined ? undefined : readFile(path);
}

async function clientOf(how: Case["client"]): Promise<Client> {
  const name = JSON.stringify(Object.entries(how).sort());
  let client = clients.get(name);
  if (client === undefined) {
    client = new Client({
      target: how.target,
      key: how.key,
      tls: how.tls,
      rootCertificates: await read(how.root_certificates),
      clientKey: await read(how.client_key),
      clientCertificate: await read(how.client_certificate),
    });
    clients.set(name, client);
  }
  return client;
}

/** Returns an error as the cases expect it. */
function describe(error: GatewayError): Answer {
  return {
    kind: error.kind,
    code: error.code,
    reason: error.reasonName,
    message: error.rawMessage,
    metadata: error.metadata,
    retry_after_ms: error.retryAfterMs ?? null,
    call_id: error.callId,
    started: error.started,
    attempts: error.attempts.map((attempt) => encode(AttemptSchema, attempt)),
    usage: error.usage === undefined ? null : encode(UsageSchema, error.usage),
    provider_message: error.providerMessage,
    violations: error.violations,
    quota_violations: error.quotaViolations.map((quota) => encode(QuotaViolationSchema, quota)),
    is_deadline_error: error.name === "TimeoutError",
  };
}

/** Makes the call of a case; returns what came of it. */
async function run(given: Case): Promise<Answer> {
  const answer: Answer = { name: given.name };
  const client = await clientOf(given.client);
  const startedMs = performance.now();
  if (given.repeat === undefined) {
    await cancellable(given, client, answer);
  } else {
    answer["repeat"] = await repeat(given, client, given.repeat);
  }
  answer["elapsed_ms"] = Math.round(performance.now() - startedMs);
  return answer;
}

async function cancellable(given: Case, client: Client, answer: Answer): Promise<void> {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort();
  }, given.cancel_after_ms);
  if (given.cancel_after_ms === undefined) {
    clearTimeout(timer);
  }
  try {
    await call(given, client, answer, controller.signal);
  } catch (error) {
    if (controller.signal.aborted && error === controller.signal.reason) {
      answer["cancelled"] = true;
    } else if (error instanceof GatewayError) {
      answer["error"] = describe(error);
    } else {
      throw error;
    }
  } finally {
    clearTimeout(timer);
  }
}

async function call(
  given: Case,
  client: Client,
  answer: Answer,
  signal: AbortSignal,
): Promise<void> {
  const bytes = given.request_bytes;
  const options: CallOptions = {
    signal,
    timeoutMs: given.timeout_s === undefined ? undefined : given.timeout_s * 1_000,
  };
  switch (given.rpc) {
    case "StreamGenerate":
      await stream(given, client, answer, options);
      break;
    case "Compare":
      await compare(given, client, answer, options);
      break;
    case "ListModels":
      answer["model_ids"] = (await client.models(options)).map(({ id }) => id);
      break;
    default:
      answer["response"] = await unary(given.rpc, bytes, client, options);
  }
  if (given.follow_up_bytes !== undefined) {
    await followUp(given.follow_up_bytes, client, answer, options);
  }
}

async function unary(
  rpc: string,
  bytes: string,
  client: Client,
  options: CallOptions,
): Promise<string> {
  switch (rpc) {
    case "Generate": {
      const request = decode(GenerateRequestSchema, bytes);
      return encode(GenerateResponseSchema, await client.generate(request, options));
    }
    case "Embed": {
      const request = decode(EmbedRequestSchema, bytes);
      return encode(EmbedResponseSchema, await client.embed(request, options));
    }
    case "CountTokens": {
      const { generation = {} } = decode(CountTokensRequestSchema, bytes);
      return encode(CountTokensResponseSchema, await client.countTokens(generation, options));
    }
    case "ExplainRoute": {
      const { generation = {} } = decode(ExplainRouteRequestSchema, bytes);
      return encode(ExplainRouteResponseSchema, await client.explain(generation, options));
    }
    case "GetModel": {
      const { id } = decode(GetModelRequestSchema, bytes);
      return encode(ModelSchema, await client.model(id, options));
    }
    case "Rerank": {
      const { query, documents, model, resultCount } = decode(RerankRequestSchema, bytes);
      const ranked = await client.rerank(query, documents, { ...options, model, resultCount });
      return encode(RerankResponseSchema, ranked);
    }
    default:
      throw new Error(`no such RPC: ${rpc}`);
  }
}

async function stream(
  given: Case,
  client: Client,
  answer: Answer,
  options: CallOptions,
): Promise<void> {
  const running = client.stream(decode(GenerateRequestSchema, given.request_bytes), options);
  const events: string[] = [];
  answer["events"] = events;
  try {
    for await (const event of running) {
      events.push(encode(GenerationEventSchema, event));
      if (events.length === given.leave_after) {
        answer["left"] = true;
        break;
      }
    }
  } finally {
    answer["response"] = encode(GenerateResponseSchema, running.response);
    answer["text"] = textOf(running.response);
    answer["is_finished"] = running.isFinished;
  }
}

async function compare(
  given: Case,
  client: Client,
  answer: Answer,
  options: CallOptions,
): Promise<void> {
  const { generation = {}, models } = decode(CompareRequestSchema, given.request_bytes);
  const running = client.compare(generation, { ...options, models });
  const events: Answer[] = [];
  answer["events"] = events;
  try {
    for await (const { model, event, error } of running) {
      const came =
        event === undefined
          ? { error: describe(error) }
          : { event: encode(GenerationEventSchema, event) };
      events.push({ model_index: model.index, ...came });
      if (events.length === given.leave_after) {
        answer["left"] = true;
        break;
      }
    }
  } finally {
    answer["models"] = running.models.map(({ name, response, error }) => ({
      name,
      response: encode(GenerateResponseSchema, response),
      error: error === undefined ? null : describe(error),
    }));
  }
}

/** Asks once more with the answer's message before the last one. */
async function followUp(
  bytes: string,
  client: Client,
  answer: Answer,
  options: CallOptions,
): Promise<void> {
  const request = decode(GenerateRequestSchema, bytes);
  const first = decode(GenerateResponseSchema, String(answer["response"]));
  request.messages.splice(
    -1,
    0,
    ...first.candidates.slice(0, 1).flatMap(({ message }) => message ?? []),
  );
  answer["sent"] = encode(GenerateRequestSchema, request);
  answer["follow_up"] = encode(GenerateResponseSchema, await client.generate(request, options));
}

/** Makes the call many times, several at once. */
async function repeat(
  given: Case,
  client: Client,
  { count, concurrency }: { count: number; concurrency: number },
): Promise<Answer> {
  const { signal } = new AbortController();
  const failed: Record<string, number> = {};
  let left = count;
  let succeeded = 0;
  const work = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      try {
        await call(given, client, {}, signal);
        succeeded += 1;
      } catch (error) {
        if (!(error instanceof GatewayError)) {
          throw error;
        }
        const key = `${error.kind}: ${error.message}`;
        failed[key] = (failed[key] ?? 0) + 1;
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return { succeeded, failed };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(line) as Case))}\n`);
}
for (const client of clients.values()) {
  client.close();
}
