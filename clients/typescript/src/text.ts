import type { GenerateResponse } from "./gen/llmgateway/v1/generation_pb.js";

/** Returns the text parts of one candidate, joined; empty where it has none. Reasoning is no text. */
export function textOf(response: GenerateResponse, candidateIndex = 0): string {
  return response.candidates
    .filter((candidate) => candidate.index === candidateIndex)
    .flatMap((candidate) => candidate.message?.parts ?? [])
    .map((part) => (part.content.case === "text" ? part.content.value : ""))
    .join("");
}
