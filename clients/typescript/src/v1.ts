/**
 * The contract: every message, enum and the service of `llmgateway.v1`, as protoc-gen-es makes them. It needs no Node.
 *
 * @module
 */
export * from "./gen/llmgateway/v1/cache_pb.js";
export * from "./gen/llmgateway/v1/call_pb.js";
export * from "./gen/llmgateway/v1/compare_pb.js";
export * from "./gen/llmgateway/v1/count_tokens_pb.js";
export * from "./gen/llmgateway/v1/embedding_pb.js";
export * from "./gen/llmgateway/v1/error_reason_pb.js";
export * from "./gen/llmgateway/v1/explain_pb.js";
export * from "./gen/llmgateway/v1/gateway_pb.js";
export * from "./gen/llmgateway/v1/generation_pb.js";
export * from "./gen/llmgateway/v1/message_pb.js";
export * from "./gen/llmgateway/v1/model_pb.js";
export * from "./gen/llmgateway/v1/rerank_pb.js";
export * from "./gen/llmgateway/v1/stream_pb.js";
export * from "./gen/llmgateway/v1/tool_pb.js";
export * from "./gen/llmgateway/v1/usage_pb.js";
