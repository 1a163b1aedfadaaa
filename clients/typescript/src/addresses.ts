import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

import type { NetworkTarget, Target } from "./target.js";

// Whoever reconnects asks again where to; a crowd of calls that do so at once asks once.
const KNOWN_FOR_MS = 1_000;

/** Returns the IP addresses of a host. */
export type LookUp = (host: string) => Promise<readonly string[]>;

/** Asks whom the system asks. */
export const lookUp: LookUp = async (host) => {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
};

/** The addresses behind a target: those of a name change, as replicas come and go. */
export class Addresses {
  #known: readonly Target[];
  readonly #name: NetworkTarget | undefined;
  #askedAtMs = -Infinity;
  #asking: Promise<readonly Target[]> | undefined;

  constructor(
    target: Target,
    private readonly lookUp: LookUp,
  ) {
    this.#name = "host" in target && isIP(target.host) === 0 ? target : undefined;
    this.#known = this.#name === undefined ? [target] : [];
  }

  /** Returns the addresses, asked for anew if none is known, or if `anew` says so. */
  async list(anew: boolean): Promise<readonly Target[]> {
    if (this.#name === undefined) {
      return this.#known;
    }
    const isKnown = this.#known.length > 0;
    if (isKnown && !(anew && performance.now() - this.#askedAtMs >= KNOWN_FOR_MS)) {
      return this.#known;
    }
    this.#asking ??= this.#ask(this.#name);
    try {
      return await this.#asking;
    } catch (error) {
      if (isKnown) {
        return this.#known;
      }
      throw error;
    }
  }

  async #ask({ host, port }: NetworkTarget): Promise<readonly Target[]> {
    try {
      this.#known = (await this.lookUp(host)).map((address) => ({ host: address, port }));
      return this.#known;
    } finally {
      this.#askedAtMs = performance.now();
      this.#asking = undefined;
    }
  }
}
