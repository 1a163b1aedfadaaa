import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";

import type { EmbedRequest } from "./gen/llmgateway/v1/embedding_pb.js";
import { EmbedRequestSchema } from "./gen/llmgateway/v1/embedding_pb.js";
import type { GenerateRequest } from "./gen/llmgateway/v1/generation_pb.js";
import { GenerateRequestSchema } from "./gen/llmgateway/v1/generation_pb.js";
import type { ChatMessageSchema } from "./gen/llmgateway/v1/message_pb.js";
import { Role } from "./gen/llmgateway/v1/message_pb.js";

/** A message, or what is needed to make it. */
export type ChatMessageInit = MessageInitShape<typeof ChatMessageSchema>;
/** A request, or what is needed to make it. */
export type GenerateRequestInit = MessageInitShape<typeof GenerateRequestSchema>;
/** A request, or what is needed to make it. */
export type EmbedRequestInit = MessageInitShape<typeof EmbedRequestSchema>;

/** The user's text, the messages of a conversation, or a whole request. */
export type Prompt = string | readonly ChatMessageInit[] | GenerateRequestInit;
/** One text, several, or a whole request. */
export type Inputs = string | readonly string[] | EmbedRequestInit;

/** What may stand beside a prompt that is no whole request. For anything else give a whole one. */
export interface PromptOptions {
  /** `provider/model`, or the name of a route. */
  readonly model?: string | undefined;
  /** An instruction that precedes the prompt. */
  readonly system?: string | undefined;
  /** Randomness, 0 to 2. */
  readonly temperature?: number | undefined;
  /** The most tokens to write. */
  readonly maxOutputTokenCount?: number | undefined;
}

/** What may stand beside texts to embed. */
export interface EmbedOptions {
  /** `provider/model`, or the name of a route. */
  readonly model?: string | undefined;
  /** The length of each vector. */
  readonly dimensionCount?: number | undefined;
}

/** Returns the request for a prompt; throws a `TypeError` for options beside a whole one. */
export function generation(prompt: Prompt, options: PromptOptions): GenerateRequest {
  const { model, system, temperature, maxOutputTokenCount } = options;
  if (isWhole(prompt)) {
    refuse({ model, system, temperature, maxOutputTokenCount });
    return create(GenerateRequestSchema, prompt);
  }
  return create(GenerateRequestSchema, {
    ...(model !== undefined && { model }),
    messages: [
      ...(system === undefined ? [] : [textMessage(Role.SYSTEM, system)]),
      ...(typeof prompt === "string" ? [textMessage(Role.USER, prompt)] : prompt),
    ],
    ...(temperature !== undefined && { sampling: { temperature } }),
    ...(maxOutputTokenCount !== undefined && { maxOutputTokenCount }),
  });
}

/** Returns the request for texts; throws a `TypeError` for options beside a whole one. */
export function embedding(inputs: Inputs, options: EmbedOptions): EmbedRequest {
  const { model, dimensionCount } = options;
  if (isWhole(inputs)) {
    refuse({ model, dimensionCount });
    return create(EmbedRequestSchema, inputs);
  }
  const texts = typeof inputs === "string" ? [inputs] : inputs;
  return create(EmbedRequestSchema, {
    ...(model !== undefined && { model }),
    inputs: texts.map((text) => ({ input: { case: "text" as const, value: text } })),
    ...(dimensionCount !== undefined && { dimensionCount }),
  });
}

// Array.isArray does not tell a read-only array from what is none.
function isWhole<W extends object>(given: string | readonly unknown[] | W): given is W {
  return typeof given !== "string" && !Array.isArray(given);
}

function refuse(options: Readonly<Record<string, unknown>>): void {
  const given = Object.keys(options).filter((name) => options[name] !== undefined);
  if (given.length > 0) {
    throw new TypeError(`Set ${given.join(", ")} in the request itself.`);
  }
}

function textMessage(role: Role, text: string): ChatMessageInit {
  return { role, parts: [{ content: { case: "text", value: text } }] };
}
