/**
 * Adds the events of a generation up to its whole. Pure, and without Node.
 *
 * `GenerateResponse` is by definition the fold of the events of `StreamGenerate`. How text is cut into deltas has no
 * meaning: the fold is the same.
 *
 * @module
 */
import { clone, create } from "@bufbuild/protobuf";

import type { CallInfo } from "./gen/llmgateway/v1/call_pb.js";
import { CallInfoSchema } from "./gen/llmgateway/v1/call_pb.js";
import type { Candidate, GenerateResponse } from "./gen/llmgateway/v1/generation_pb.js";
import { CandidateSchema, GenerateResponseSchema } from "./gen/llmgateway/v1/generation_pb.js";
import type { Media, Part, ToolCall } from "./gen/llmgateway/v1/message_pb.js";
import {
  AnnotationSchema,
  ChatMessageSchema,
  PartSchema,
  Role,
  SignatureSchema,
  TokenLogprobSchema,
} from "./gen/llmgateway/v1/message_pb.js";
import type {
  CandidateFinished,
  GenerationEvent,
  GenerationFinished,
  GenerationStarted,
  PartDelta,
  PartFinished,
  PartStarted,
} from "./gen/llmgateway/v1/stream_pb.js";
import type { Usage } from "./gen/llmgateway/v1/usage_pb.js";
import { UsageSchema } from "./gen/llmgateway/v1/usage_pb.js";

/** Events in an order that the contract does not allow. The message says which, and why. */
export class GrammarError extends Error {
  override readonly name = "GrammarError";
}

/**
 * Adds events one by one; takes time linear in their size.
 *
 * Events of a kind unknown to this client change nothing, nor do heartbeats and provider events. Nothing of an event
 * is kept or changed: what is needed is copied.
 */
export class Fold {
  #call: CallInfo | undefined;
  #usage: Usage | undefined;
  readonly #candidates = new Map<number, OpenCandidate>();
  #started = false;
  #whole: GenerateResponse | undefined;

  /** Whether the last event has been added: `response` is whole. */
  get isFinished(): boolean {
    return this.#whole !== undefined;
  }

  /** What the events so far add up to. Until `isFinished` it is built anew at each look, in time linear in its size. */
  get response(): GenerateResponse {
    return this.#whole ?? this.#assemble();
  }

  /** Adds the next event; throws a `GrammarError` where it has no place here. */
  add(event: GenerationEvent): void {
    const happened = event.event;
    if (happened.case === undefined) {
      return;
    }
    if (this.#whole !== undefined) {
      throw new GrammarError(`${nameOf(happened.case)} follows finished, which is the last event`);
    }
    if (happened.case === "heartbeat" || happened.case === "providerEvent") {
      return;
    }
    if (happened.case === "started") {
      this.#start(happened.value);
      return;
    }
    if (!this.#started) {
      throw new GrammarError(`${nameOf(happened.case)} precedes started, which is the first event`);
    }
    switch (happened.case) {
      case "partDelta":
        this.#candidate(event.candidateIndex).append(happened.value);
        break;
      case "partStarted":
        this.#candidate(event.candidateIndex).openPart(happened.value);
        break;
      case "partFinished":
        this.#candidate(event.candidateIndex).closePart(happened.value);
        break;
      case "candidateFinished":
        this.#candidate(event.candidateIndex).finish(happened.value);
        break;
      case "finished":
        this.#finish(happened.value);
        break;
    }
  }

  #start(started: GenerationStarted): void {
    if (this.#started) {
      throw new GrammarError("started comes twice");
    }
    this.#started = true;
    this.#learn(started);
  }

  #finish(finished: GenerationFinished): void {
    const open = [...this.#candidates.values()].filter((candidate) => !candidate.isFinished);
    if (open.length > 0) {
      const indexes = listOf(open.map((candidate) => candidate.index));
      throw new GrammarError(`finished comes while candidates are open: ${indexes}`);
    }
    this.#learn(finished);
    this.#whole = this.#assemble();
    this.#candidates.clear();
  }

  #learn(event: GenerationStarted | GenerationFinished): void {
    if (event.call !== undefined) {
      this.#call = clone(CallInfoSchema, event.call);
    }
    if (event.usage !== undefined) {
      this.#usage = clone(UsageSchema, event.usage);
    }
  }

  /** Returns a candidate, which opens it if this is the first of it. */
  #candidate(index: number): OpenCandidate {
    let candidate = this.#candidates.get(index);
    if (candidate === undefined) {
      if (index < 0) {
        throw new GrammarError(`candidate ${String(index)}: indexes start at 0`);
      }
      candidate = new OpenCandidate(index);
      this.#candidates.set(index, candidate);
    }
    return candidate;
  }

  #assemble(): GenerateResponse {
    const response = create(GenerateResponseSchema);
    if (this.#call !== undefined) {
      response.call = clone(CallInfoSchema, this.#call);
    }
    if (this.#usage !== undefined) {
      response.usage = clone(UsageSchema, this.#usage);
    }
    const candidates = [...this.#candidates.values()].sort((one, other) => one.index - other.index);
    response.candidates = candidates.map((candidate) => candidate.snapshot());
    return response;
  }
}

/** One candidate on its way. */
class OpenCandidate {
  isFinished = false;
  readonly #candidate: Candidate;
  readonly #parts: Part[];
  readonly #openParts = new Map<number, OpenPart>();

  constructor(readonly index: number) {
    const message = create(ChatMessageSchema, { role: Role.ASSISTANT });
    this.#candidate = create(CandidateSchema, { index, message });
    this.#parts = message.parts;
  }

  /** Adds a part behind the others. */
  openPart(started: PartStarted): void {
    if (this.isFinished) {
      throw this.#error(started.index, "part_started follows candidate_finished");
    }
    if (started.index !== this.#parts.length) {
      const next = String(this.#parts.length);
      throw this.#error(started.index, `part_started comes where part ${next} is the next`);
    }
    const part = started.part === undefined ? create(PartSchema) : clone(PartSchema, started.part);
    this.#parts.push(part);
    this.#openParts.set(started.index, new OpenPart(part));
  }

  /** Appends to an open part. */
  append(delta: PartDelta): void {
    const part = this.#openParts.get(delta.index);
    if (part === undefined) {
      throw this.#error(delta.index, "part_delta comes while the part is not open");
    }
    const wrong = part.append(delta);
    if (wrong !== undefined) {
      throw this.#error(delta.index, wrong);
    }
  }

  /** Closes an open part. */
  closePart(finished: PartFinished): void {
    const part = this.#openParts.get(finished.index);
    if (part === undefined) {
      throw this.#error(finished.index, "part_finished comes while the part is not open");
    }
    this.#openParts.delete(finished.index);
    part.close(finished);
  }

  /** Closes the candidate. */
  finish(finished: CandidateFinished): void {
    if (this.isFinished) {
      throw new GrammarError(`candidate ${String(this.index)}: candidate_finished comes twice`);
    }
    if (this.#openParts.size > 0) {
      const open = listOf([...this.#openParts.keys()]);
      throw new GrammarError(
        `candidate ${String(this.index)}: candidate_finished comes while parts are open: ${open}`,
      );
    }
    this.isFinished = true;
    this.#candidate.finishReason = finished.finishReason;
    this.#candidate.providerFinishReason = finished.providerFinishReason;
    this.#candidate.stopSequence = finished.stopSequence;
    this.#candidate.providerJson = finished.providerJson;
  }

  /** Returns a copy of the candidate as it is by now. */
  snapshot(): Candidate {
    for (const part of this.#openParts.values()) {
      part.join();
    }
    return clone(CandidateSchema, this.#candidate);
  }

  #error(partIndex: number, what: string): GrammarError {
    return new GrammarError(`candidate ${String(this.index)}, part ${String(partIndex)}: ${what}`);
  }
}

/**
 * One part on its way, whole once it is closed.
 *
 * Appending to a string takes no copy here, but appending to bytes does: their pieces are collected, and joined at the
 * end.
 */
class OpenPart {
  readonly #data: Uint8Array[] = [];

  constructor(private readonly part: Part) {}

  /** Appends what one delta holds, or returns why it cannot. What appends to an unknown kind of part is skipped. */
  append(delta: PartDelta): string | undefined {
    if (delta.delta.case !== undefined && this.part.content.case !== undefined) {
      const wrong = this.#appendContent(delta.delta);
      if (wrong !== undefined) {
        return wrong;
      }
    }
    for (const annotation of delta.annotations) {
      this.part.annotations.push(clone(AnnotationSchema, annotation));
    }
    for (const logprob of delta.logprobs) {
      this.part.logprobs.push(clone(TokenLogprobSchema, logprob));
    }
    return undefined;
  }

  /** Joins the pieces, and adds what is known only at the end. */
  close(finished: PartFinished): void {
    this.join();
    if (finished.signature !== undefined) {
      this.part.signature = clone(SignatureSchema, finished.signature);
    }
    Object.assign(this.part.providerJson, finished.providerJson);
  }

  /** Moves the bytes collected so far into the part. */
  join(): void {
    const { content } = this.part;
    if (content.case !== "media" || this.#data.length === 0) {
      return;
    }
    const { source } = content.value;
    const held = source.case === "data" ? [source.value] : [];
    content.value.source = { case: "data", value: joinBytes([...held, ...this.#data]) };
    this.#data.length = 0;
  }

  #appendContent(delta: GivenDelta): string | undefined {
    const { content } = this.part;
    switch (content.case) {
      case "text":
      case "refusal":
        if (delta.case === "text") {
          content.value += delta.value;
          return undefined;
        }
        break;
      case "reasoning":
        if (delta.case === "text") {
          content.value.text += delta.value;
          return undefined;
        }
        break;
      case "toolCall":
        if (delta.case === "text" || delta.case === "argumentsJson") {
          return appendInput(content.value, delta.case, delta.value);
        }
        break;
      case "media":
        if (delta.case === "data" || delta.case === "transcript") {
          return this.#appendMedia(content.value, delta);
        }
        break;
    }
    const kind = nameOf(content.case ?? "");
    return `a delta of ${nameOf(delta.case)} does not fit a part of the kind ${kind}`;
  }

  #appendMedia(media: Media, delta: GivenDelta): string | undefined {
    if (delta.case === "transcript") {
      media.transcript += delta.value;
      return undefined;
    }
    if (media.source.case !== undefined && media.source.case !== "data") {
      return `a delta of data does not fit a media that holds ${nameOf(media.source.case)}`;
    }
    if (delta.case === "data") {
      this.#data.push(delta.value.slice());
    }
    return undefined;
  }
}

type GivenDelta = Exclude<PartDelta["delta"], { case: undefined }>;

/** Appends to the input of a tool call, whose start may have left open which one it is. */
function appendInput(
  call: ToolCall,
  member: "text" | "argumentsJson",
  piece: string,
): string | undefined {
  const held = call.input;
  if (held.case === undefined) {
    call.input = { case: member, value: piece };
  } else if (held.case === member) {
    held.value += piece;
  } else {
    return `a delta of ${nameOf(member)} does not fit a tool_call that holds ${nameOf(held.case)}`;
  }
  return undefined;
}

function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let end = 0;
  for (const piece of pieces) {
    whole.set(piece, end);
    end += piece.length;
  }
  return whole;
}

/** Returns the contract's name of a member, for example `part_started`. */
function nameOf(member: string): string {
  return member.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function listOf(indexes: readonly number[]): string {
  return `[${[...indexes].sort((one, other) => one - other).join(", ")}]`;
}

/** Returns the whole of a generation; throws a `GrammarError` where it is none, or lacks its end. */
export function fold(events: Iterable<GenerationEvent>): GenerateResponse {
  const whole = new Fold();
  for (const event of events) {
    whole.add(event);
  }
  if (!whole.isFinished) {
    throw new GrammarError("the events end without finished, which is the last event");
  }
  return whole.response;
}
