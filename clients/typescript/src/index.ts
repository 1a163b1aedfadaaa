/**
 * The client of llmgateway for Node. The contract's messages are in `@llmgateway/client/v1`.
 *
 * @module
 */
export { Client } from "./client.js";
export type {
  CallOptions,
  ClientOptions,
  CompareOptions,
  GenerateOptions,
  RerankOptions,
} from "./client.js";
export type { ComparedEvent, ComparedModel, Comparison } from "./compare.js";
export { GatewayError } from "./errors.js";
export type { ErrorKind, FieldViolation, GatewayErrorInit, StatusCode } from "./errors.js";
export { Fold, fold, GrammarError } from "./fold.js";
export type {
  ChatMessageInit,
  EmbedOptions,
  EmbedRequestInit,
  GenerateRequestInit,
  Inputs,
  Prompt,
  PromptOptions,
} from "./request.js";
export type { GenerationStream } from "./stream.js";
export { textOf } from "./text.js";
