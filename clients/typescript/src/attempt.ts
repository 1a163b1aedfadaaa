import type { ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { constants } from "node:http2";

import { fromBinary } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import type { Transport } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import type { GrpcTransportOptions, Http2SessionManager } from "@connectrpc/connect-node";
import { createGrpcTransport } from "@connectrpc/connect-node";

import type { Connections } from "./connections.js";
import { WINDOW_BYTES } from "./connections.js";
import type { Status } from "./gen/google/rpc/status_pb.js";
import { StatusSchema } from "./gen/google/rpc/status_pb.js";

const MAX_RECEIVED_BYTES = 64 * 1024 ** 2;
const STATUS_KEY = "grpc-status";
const MESSAGE_KEY = "grpc-message";
const DETAILS_KEY = "grpc-status-details-bin";

const CODES: ReadonlyMap<number, Code> = new Map(
  Object.values(Code)
    .filter((code) => typeof code === "number")
    .map((code) => [code, code]),
);

type SessionManager = NonNullable<GrpcTransportOptions["sessionManager"]>;

/**
 * One try at a call: one HTTP/2 stream, seen from below Connect, which offers it where to send to.
 *
 * Connect says of a connection that broke that the call was cancelled, or an internal error; hides a status behind
 * details that it cannot read; and waits forever for a stream that was closed without a word. The stream itself tells.
 */
export class Attempt implements SessionManager {
  readonly authority: string;
  /** Connect's transport, good for this one call. */
  readonly transport: Transport;
  /** Whether the server has begun to answer: the call must not be tried again. */
  hasBegun = false;
  #session: Http2SessionManager | undefined;
  #status: IncomingHttpHeaders | undefined;
  #cut: ConnectError | undefined;

  constructor(private readonly connections: Connections) {
    this.authority = new URL(connections.url).origin;
    this.transport = createGrpcTransport({
      baseUrl: connections.url,
      sessionManager: this,
      readMaxBytes: MAX_RECEIVED_BYTES,
    });
  }

  /** Opens the stream, as Connect asks for it. */
  async request(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    options: Record<string, never>,
  ): Promise<ClientHttp2Stream> {
    const lane = this.connections.pick();
    const leave = lane.enter();
    try {
      this.#session = await lane.session();
      const stream = await this.#session.request(method, path, headers, options);
      this.#watch(stream, leave);
      stream.session?.setLocalWindowSize(WINDOW_BYTES);
      return stream;
    } catch (error) {
      leave();
      throw unavailable(error);
    }
  }

  /** Tells the connection that it lives, as Connect asks for it. */
  notifyResponseByteRead(stream: ClientHttp2Stream): void {
    this.#session?.notifyResponseByteRead(stream);
  }

  /** Returns how the call failed, where Connect says that it did so by `error`. */
  failure(error: unknown): ConnectError {
    if (this.#status !== undefined && this.#status[STATUS_KEY] !== "0") {
      return statusError(this.#status);
    }
    return this.#cut ?? ConnectError.from(error, Code.Internal);
  }

  #watch(stream: ClientHttp2Stream, leave: () => void): void {
    const { session } = stream;
    stream.once("response", (headers) => {
      // A call that fails at once has its status here, and nothing else: that is no beginning of an answer.
      if (STATUS_KEY in headers) {
        this.#status = headers;
        leave();
      } else {
        this.hasBegun = headers[":status"] === constants.HTTP_STATUS_OK;
      }
    });
    stream.once("trailers", (trailers: IncomingHttpHeaders) => {
      this.#status = trailers;
      // Its caller may make the next call before this stream is closed, and should find the lane free.
      leave();
    });
    stream.on("error", (error: Error) => {
      this.#cut ??= session?.destroyed === false ? resetError(stream, error) : unavailable(error);
    });
    stream.once("close", () => {
      leave();
      if (this.#status === undefined && this.#cut === undefined) {
        this.#cut =
          session?.destroyed === false
            ? resetError(stream, new Error("The server ended the call without a status."))
            : unavailable(new Error("The connection was lost."));
        // Connect is told before it makes up a reason of its own, or none.
        stream.emit("error", this.#cut);
      }
    });
  }
}

/** Returns the status that a server sent. Details or a message that cannot be read leave the rest as it is. */
function statusError(headers: IncomingHttpHeaders): ConnectError {
  const metadata = new Headers();
  for (const [key, value] of Object.entries(headers)) {
    if (!key.startsWith(":") && value !== undefined) {
      metadata.set(key, [value].flat().join(", "));
    }
  }
  const details = readDetails(metadata.get(DETAILS_KEY));
  const code = CODES.get(Number(metadata.get(STATUS_KEY))) ?? Code.Unknown;
  const message = readMessage(metadata.get(MESSAGE_KEY) ?? "");
  const error = new ConnectError(message, code, metadata);
  error.details = (details?.details ?? []).map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
  return error;
}

function readDetails(encoded: string | null): Status | undefined {
  if (encoded === null) {
    return undefined;
  }
  try {
    // The platform joins repeated values; the first one counts.
    return fromBinary(StatusSchema, base64Decode(encoded.split(",")[0] ?? ""));
  } catch {
    return undefined;
  }
}

function readMessage(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

/** Returns what a stream that ended by itself means, while its connection lives on: gRPC's table of HTTP/2's codes. */
function resetError(stream: ClientHttp2Stream, error: unknown): ConnectError {
  const code = CODES_BY_RESET.get(stream.rstCode) ?? Code.Internal;
  return new ConnectError(messageOf(error), code, undefined, undefined, error);
}

const CODES_BY_RESET: ReadonlyMap<number, Code> = new Map([
  [constants.NGHTTP2_REFUSED_STREAM, Code.Unavailable],
  [constants.NGHTTP2_CANCEL, Code.Canceled],
  [constants.NGHTTP2_ENHANCE_YOUR_CALM, Code.ResourceExhausted],
  [constants.NGHTTP2_INADEQUATE_SECURITY, Code.PermissionDenied],
  [constants.NGHTTP2_HTTP_1_1_REQUIRED, Code.Unknown],
]);

/** Returns the failure of a connection, in gRPC's terms. */
function unavailable(error: unknown): ConnectError {
  return new ConnectError(messageOf(error), Code.Unavailable, undefined, undefined, error);
}

function messageOf(error: unknown): string {
  if (error instanceof ConnectError) {
    return error.rawMessage;
  }
  return error instanceof Error ? error.message : String(error);
}
