import type { Socket } from "node:net";
import { connect as connectTcp, isIP } from "node:net";
import { connect as connectTls } from "node:tls";

import { ConnectError } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";

import type { LookUp } from "./addresses.js";
import { Addresses, lookUp } from "./addresses.js";
import type { Target } from "./target.js";

// Models are silent for minutes: without pings a connection that died in the meantime goes unnoticed, and one that
// lives is cut by whatever lies between. The gateway permits a ping every 20 s.
const KEEP_ALIVE_INTERVAL_MS = 30_000;
const KEEP_ALIVE_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 20_000;
// An address that cannot be reached is left alone for so long, doubled each time, as long as another one serves.
const FIRST_REST_MS = 1_000;
const MAX_REST_MS = 5_000;
/**
 * How much of one answer, and of all answers of a connection, may be on its way unread. The protocol's own 64 KiB
 * would wait for the network's round trip 16 times a megabyte.
 */
export const WINDOW_BYTES = 4 * 1024 ** 2;
// The platform refuses new calls while more than this waits to be sent, 10 MB unless told otherwise: the gateway
// takes requests of 32 MiB.
const MAX_SESSION_MEMORY_MB = 1_024;

/** How to prove who is who. Certificates and keys are PEM. */
export interface Tls {
  readonly rootCertificates?: Uint8Array | string | undefined;
  readonly clientKey?: Uint8Array | string | undefined;
  readonly clientCertificate?: Uint8Array | string | undefined;
}

/**
 * The connections of one client. A call goes to the lane with the fewest running calls, of equals to the first: one
 * HTTP/2 connection sticks to one server process, which bounds the calls on it. Lanes connect when they are first used.
 */
export class Connections {
  /** The gateway's URL, whose host is the name that the target gives, whatever its address. */
  readonly url: string;
  readonly #lanes: readonly Lane[];

  constructor(target: Target, tls: Tls | undefined, count: number, ask: LookUp = lookUp) {
    this.url = `${tls === undefined ? "http" : "https"}://${authorityOf(target)}`;
    const addresses = new Addresses(target, ask);
    const serverName = "host" in target && isIP(target.host) === 0 ? target.host : undefined;
    const open = (address: Target): Session => new Session(this.url, address, tls, serverName);
    this.#lanes = Array.from({ length: count }, (_, index) => new Lane(addresses, open, index));
  }

  /** Returns the lane for the next call. */
  pick(): Lane {
    return this.#lanes.reduce((best, lane) => (lane.running < best.running ? lane : best));
  }

  /** Closes every connection; what runs on it ends. */
  close(): void {
    for (const lane of this.#lanes) {
      lane.close();
    }
  }
}

/** A connection to each of the target's addresses, used in turn. */
export class Lane {
  /** How many calls run here. */
  running = 0;
  readonly #sessions = new Map<string, Session>();

  constructor(
    private readonly addresses: Addresses,
    private readonly open: (address: Target) => Session,
    private turn: number,
  ) {}

  /** Counts a call that begins; returns what counts its end, however often that is said. */
  enter(): () => void {
    let runs = true;
    this.running += 1;
    return () => {
      this.running -= runs ? 1 : 0;
      runs = false;
    };
  }

  /** Returns a connection that stands; throws why there is none. */
  async session(): Promise<Http2SessionManager> {
    const isWhole = [...this.#sessions.values()].every((session) => session.isReady);
    const sessions = this.#sessionsOf(await this.addresses.list(!isWhole));
    const idle = sessions.filter((session) => !session.isReady);
    const ready = sessions.filter((session) => session.isReady);
    const next = ready[this.turn++ % ready.length];
    if (next !== undefined) {
      for (const session of idle) {
        session.connectLater();
      }
      return next.manager;
    }
    const first = await Promise.any(idle.map((session) => session.connect())).catch(firstOf);
    return first.manager;
  }

  /** Closes the connections. */
  close(): void {
    for (const session of this.#sessions.values()) {
      session.manager.abort();
    }
    this.#sessions.clear();
  }

  /** Returns the sessions of these addresses; lets go of those that are no longer among them and have no calls. */
  #sessionsOf(addresses: readonly Target[]): Session[] {
    const wanted = new Map(addresses.map((address) => [JSON.stringify(address), address]));
    for (const [key, session] of this.#sessions) {
      if (!wanted.has(key) && session.manager.state() !== "open") {
        session.manager.abort();
        this.#sessions.delete(key);
      }
    }
    return [...wanted].map(([key, address]) => {
      const session = this.#sessions.get(key) ?? this.open(address);
      this.#sessions.set(key, session);
      return session;
    });
  }
}

/** One connection to one address, made again when it is lost. */
class Session {
  readonly manager: Http2SessionManager;
  #restMs = FIRST_REST_MS;
  #restsUntilMs = -Infinity;

  constructor(url: string, address: Target, tls: Tls | undefined, serverName: string | undefined) {
    const keepAlive = {
      pingIntervalMs: KEEP_ALIVE_INTERVAL_MS,
      pingTimeoutMs: KEEP_ALIVE_TIMEOUT_MS,
      pingIdleConnection: true,
    };
    this.manager = new Http2SessionManager(url, keepAlive, {
      createConnection: () => connect(address, tls, serverName),
      settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
      maxSessionMemory: MAX_SESSION_MEMORY_MB,
    });
  }

  /** Whether it stands. One that is being checked does so by all that is known. */
  get isReady(): boolean {
    return ["open", "idle", "verifying"].includes(this.manager.state());
  }

  /** Connects; throws why that failed. */
  async connect(): Promise<this> {
    if ((await this.manager.connect()) !== "error") {
      this.#restMs = FIRST_REST_MS;
      return this;
    }
    // Of all that waited for it the first to hear notes it.
    if (performance.now() >= this.#restsUntilMs) {
      this.#restsUntilMs = performance.now() + this.#restMs;
      this.#restMs = Math.min(2 * this.#restMs, MAX_REST_MS);
    }
    throw ConnectError.from(this.manager.error() ?? "The client is closed.");
  }

  /** Connects on the side, unless that has just failed. */
  connectLater(): void {
    if (this.manager.state() !== "connecting" && performance.now() >= this.#restsUntilMs) {
      // That it failed is noted; whoever then finds no other address to use tries anew and is told.
      this.connect().catch(() => undefined);
    }
  }
}

/** Opens a connection to an address. Names and certificates are those of the target, whatever its address. */
function connect(address: Target, tls: Tls | undefined, serverName: string | undefined): Socket {
  const where = { ...address, noDelay: true };
  const socket =
    tls === undefined
      ? connectTcp(where)
      : connectTls({
          ...where,
          ALPNProtocols: ["h2"],
          ...(serverName !== undefined && { servername: serverName }),
          ...(tls.rootCertificates !== undefined && { ca: pem(tls.rootCertificates) }),
          ...(tls.clientKey !== undefined && { key: pem(tls.clientKey) }),
          ...(tls.clientCertificate !== undefined && { cert: pem(tls.clientCertificate) }),
        });
  const late = setTimeout(() => {
    socket.destroy(new Error(`No connection within ${String(CONNECT_TIMEOUT_MS)} ms.`));
  }, CONNECT_TIMEOUT_MS);
  const settle = (): void => {
    clearTimeout(late);
  };
  socket.once(tls === undefined ? "connect" : "secureConnect", settle).once("close", settle);
  return socket;
}

function pem(text: Uint8Array | string): Buffer | string {
  return typeof text === "string" ? text : Buffer.from(text);
}

function authorityOf(target: Target): string {
  // A path has no name that a server could know; gRPC says localhost, too.
  if ("path" in target) {
    return "localhost";
  }
  return `${isIP(target.host) === 6 ? `[${target.host}]` : target.host}:${String(target.port)}`;
}

/** Throws the first of several reasons. */
function firstOf(error: unknown): never {
  if (!(error instanceof AggregateError)) {
    throw error;
  }
  const reasons: readonly unknown[] = error.errors;
  throw reasons[0];
}
