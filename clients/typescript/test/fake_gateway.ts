/** A server whose every answer a test scripts, down to the frames of HTTP/2. */
import { once } from "node:events";
import type { Http2Session, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { constants, createServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";

import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";

/** One call, once its request has come. */
export class Exchange {
  /** Resolves when the stream is over, with HTTP/2's code for why. */
  readonly closed: Promise<number>;

  /** Where it came from: a stream forgets that when it is over. */
  readonly session: Http2Session | undefined;

  constructor(
    readonly stream: ServerHttp2Stream,
    readonly headers: IncomingHttpHeaders,
    /** The request's message. */
    readonly request: Uint8Array,
    private readonly socket: Socket | undefined,
  ) {
    this.session = stream.session;
    this.closed = new Promise((resolve) => {
      stream.once("close", () => {
        resolve(stream.rstCode);
      });
    });
  }

  /** Sends the initial metadata. */
  begin(): this {
    if (!this.stream.headersSent) {
      this.stream.respond(
        { [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc" },
        { waitForTrailers: true },
      );
    }
    return this;
  }

  /** Sends a message. */
  send<D extends DescMessage>(schema: D, message: MessageInitShape<D>): this {
    this.begin();
    const data = toBinary(schema, create(schema, message));
    const head = Buffer.alloc(5);
    head.writeUInt32BE(data.length, 1);
    this.stream.write(Buffer.concat([head, data]));
    return this;
  }

  /** Ends the call with a status, behind what was sent. */
  finish(code = 0, trailers: Readonly<Record<string, string | string[]>> = {}): void {
    this.begin();
    this.stream.once("wantTrailers", () => {
      this.stream.sendTrailers({ "grpc-status": code, ...trailers });
    });
    this.stream.end();
  }

  /** Ends the call with a status and nothing else. */
  fail(
    code: number,
    message = "",
    headers: Readonly<Record<string, string | string[]>> = {},
  ): void {
    this.stream.respond(
      {
        [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
        "grpc-status": code,
        "grpc-message": encodeURIComponent(message),
        ...headers,
      },
      { endStream: true },
    );
  }

  /** Ends the call with a code of HTTP/2's. */
  reset(code: number): void {
    this.stream.close(code);
  }

  /** Cuts the connection. */
  cut(): void {
    this.socket?.destroy();
  }
}

/** What to do with a call; `number` counts them from 1. */
export type Script = (exchange: Exchange, number: number) => void;

/** The server. Each test begins one, and disposes of it. */
export class FakeGateway {
  readonly exchanges: Exchange[] = [];
  readonly sessions = new Map<Http2Session | undefined, Socket>();
  readonly #server = createServer();

  private constructor(script: Script) {
    // HTTP/2's own view of a socket forbids to cut it.
    let socket: Socket;
    this.#server.prependListener("connection", (connected: Socket) => {
      socket = connected;
    });
    this.#server.on("session", (session) => {
      this.sessions.set(session, socket);
      // A test may cut it at any time.
      session.on("error", () => undefined);
    });
    this.#server.on("stream", (stream, headers) => {
      const pieces: Buffer[] = [];
      stream.on("error", () => undefined);
      stream.on("data", (piece: Buffer) => pieces.push(piece));
      stream.once("end", () => {
        const request = Buffer.concat(pieces).subarray(5);
        const exchange = new Exchange(stream, headers, request, this.sessions.get(stream.session));
        this.exchanges.push(exchange);
        script(exchange, this.exchanges.length);
      });
    });
  }

  static async start(script: Script, port = 0, host = "127.0.0.1"): Promise<FakeGateway> {
    const gateway = new FakeGateway(script);
    gateway.#server.listen(port, host);
    await once(gateway.#server, "listening");
    return gateway;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get target(): string {
    return `127.0.0.1:${String(this.port)}`;
  }

  /** Closes the server and every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const connected of this.sessions.values()) {
      connected.destroy();
    }
    await closed;
  }
}
