/**
 * Says why no gateway answers at an address, by looking there instead of reading a library's words.
 *
 * The words for a connection that could not be made change from version to version, and are the same for a port that
 * speaks HTTP/1.1, for one that wants TLS and for one where nothing listens. One connection more, and the first bytes
 * that come back, tell them apart.
 *
 * @module
 */
import { connect } from "node:net";

import { GatewayError, UNSPECIFIED } from "./errors.js";
import type { StatusCode } from "./errors.js";
import type { NetworkTarget, Target } from "./target.js";
import { showTarget } from "./target.js";

const LOOK_TIMEOUT_MS = 1_000;
const SHARED_FOR_MS = 1_000;
// The client's half of an HTTP/2 connection's start (RFC 9113, 3.4): the preface and an empty SETTINGS frame.
const GREETING = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
const FRAME_HEAD_BYTES = 9;
const SETTINGS_FRAME_TYPE = 4;
const HTTP_1 = Buffer.from("HTTP/1");
const TLS_ALERT = Buffer.from([0x15, 0x03]);
const LIBRARY_CODES: ReadonlySet<StatusCode> = new Set(["UNAVAILABLE", "UNKNOWN", "INTERNAL"]);

/** What a look has found. */
type Finding =
  | "no such name"
  | "nobody"
  | "HTTP/1.1"
  | "wants TLS"
  | "speaks plain text"
  | "handshake failed"
  | "nothing wrong";

/** Looks at one target, at most once at a time; what is seen holds for a second. */
export class Lookout {
  #looking: Promise<Finding> | undefined;

  constructor(
    private readonly target: Target,
    private readonly isSecure: boolean,
  ) {}

  /** Returns an error that says what is wrong at the target; `error` itself where a look tells no more. */
  async explain(error: GatewayError): Promise<GatewayError> {
    if (!("host" in this.target) || !isLibrarys(error)) {
      return error;
    }
    const sentence = sentenceOf(await this.#look(this.target), this.target, error.rawMessage);
    if (sentence === undefined) {
      return error;
    }
    return new GatewayError(sentence, {
      code: error.code,
      kind: "UNAVAILABLE",
      cause: error.cause,
    });
  }

  #look(target: NetworkTarget): Promise<Finding> {
    if (this.#looking === undefined) {
      this.#looking = look(target, this.isSecure).finally(() => {
        setTimeout(() => {
          this.#looking = undefined;
        }, SHARED_FOR_MS).unref();
      });
    }
    return this.#looking;
  }
}

/** Whether a library made this status, before anything came: a gateway's has a reason and a call id. */
function isLibrarys(error: GatewayError): boolean {
  const isBare = error.reasonName === UNSPECIFIED && error.callId === "" && !error.started;
  return isBare && LIBRARY_CODES.has(error.code);
}

function sentenceOf(finding: Finding, target: NetworkTarget, said: string): string | undefined {
  const { host } = target;
  const shown = showTarget(target);
  switch (finding) {
    case "no such name":
      return `${host} is no known host name: correct the target.`;
    case "nobody":
      return `Nothing answers at ${shown}: start the gateway there (llmgateway serve), or correct the target.`;
    case "HTTP/1.1":
      return `${shown} speaks HTTP/1.1, not gRPC: it may be the gateway's REST port. Give its gRPC port (50051 unless configured otherwise).`;
    case "wants TLS":
      return `${shown} does not speak gRPC in plain text, so it may want TLS: connect with TLS.`;
    case "speaks plain text":
      return `${shown} speaks plain text, not TLS: connect without TLS, or give the port that has it.`;
    case "handshake failed":
      return `The TLS handshake with ${shown} failed: check that the root certificates sign the server's certificate, that the certificate names ${host}, and that a client certificate is given if the server asks for one. (${said})`;
    case "nothing wrong":
      return undefined;
  }
}

/** Looks at an address for a client that uses TLS, or does not. */
async function look(target: NetworkTarget, isSecure: boolean): Promise<Finding> {
  const first = await greet(target);
  return typeof first === "string" ? first : readGreeting(first, isSecure);
}

/** Begins HTTP/2 in plain text; returns the first bytes that come, none at the end. */
function greet(target: NetworkTarget): Promise<Buffer | Finding> {
  return new Promise((resolve) => {
    const late = AbortSignal.timeout(LOOK_TIMEOUT_MS);
    let isConnected = false;
    let came = Buffer.alloc(0);
    const socket = connect(target);
    const finish = (found: Buffer | Finding): void => {
      socket.destroy();
      resolve(found);
    };
    socket.once("connect", () => {
      isConnected = true;
      socket.write(GREETING);
    });
    socket.on("data", (data) => {
      came = Buffer.concat([came, data]);
      if (came.length >= FRAME_HEAD_BYTES) {
        finish(came);
      }
    });
    socket.once("end", () => {
      finish(came);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (isConnected) {
        // A server that closes with the greeting unread resets the connection.
        finish(came);
      } else {
        finish(error.syscall === "getaddrinfo" ? "no such name" : "nobody");
      }
    });
    late.addEventListener("abort", () => {
      const silence = isConnected ? "nothing wrong" : "nobody";
      finish(came.length > 0 ? came : silence);
    });
  });
}

/** Returns what a server's first bytes mean. */
function readGreeting(first: Buffer, isSecure: boolean): Finding {
  if (startsWith(first, HTTP_1)) {
    return "HTTP/1.1";
  }
  if (first.length === 0 || startsWith(first, TLS_ALERT)) {
    return isSecure ? "handshake failed" : "wants TLS";
  }
  const isHttp2 = first.length >= FRAME_HEAD_BYTES && first[3] === SETTINGS_FRAME_TYPE;
  return isSecure && isHttp2 ? "speaks plain text" : "nothing wrong";
}

function startsWith(bytes: Buffer, prefix: Buffer): boolean {
  return bytes.subarray(0, prefix.length).equals(prefix);
}
