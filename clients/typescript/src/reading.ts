import type { RunningCall } from "./running.js";

/** What is particular about reading one kind of call. */
export interface Meaning<M, T> {
  /** Returns what a message holds; throws where that makes no sense. */
  unpack(message: M): readonly T[];
  /** Takes note of what comes next; throws where that makes no sense. */
  note(item: T): void;
  /** Throws where the messages must not end yet. */
  checkEnd(): void;
  /** Returns what is thrown where the call fails. */
  explain(failure: unknown): Promise<unknown>;
}

/** Reads the messages of a call one by one, and what they hold one by one. */
export class Reading<M, T> {
  #items: Iterator<T> = [][Symbol.iterator]();
  #failure: { readonly error: unknown } | undefined;
  /** Who asks before the one before has its answer waits for it, as with a generator. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly call: RunningCall<M>,
    private readonly meaning: Meaning<M, T>,
  ) {}

  next(): Promise<IteratorResult<T, undefined>> {
    const result = this.#turn.then(() => this.#next());
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Cancels the call unless it has ended. Nothing comes afterwards. */
  close(): void {
    this.#items = [][Symbol.iterator]();
    this.call.close();
  }

  async #next(): Promise<IteratorResult<T, undefined>> {
    if (this.#failure !== undefined) {
      throw this.#failure.error;
    }
    for (;;) {
      const item = this.#items.next();
      if (item.done !== true) {
        this.#check(() => {
          this.meaning.note(item.value);
        });
        return { value: item.value, done: false };
      }
      const message = await this.#read();
      if (message === undefined) {
        this.#check(() => {
          this.meaning.checkEnd();
        });
        return { value: undefined, done: true };
      }
      this.#items = this.#check(() => this.meaning.unpack(message))[Symbol.iterator]();
    }
  }

  async #read(): Promise<M | undefined> {
    try {
      return await this.call.read();
    } catch (failure) {
      const error = this.call.isClosed ? failure : await this.meaning.explain(failure);
      this.#failure = { error };
      throw error;
    }
  }

  /** Runs a check; ends the call where it fails. */
  #check<R>(check: () => R): R {
    try {
      return check();
    } catch (error) {
      this.close();
      this.#failure = { error };
      throw error;
    }
  }
}
