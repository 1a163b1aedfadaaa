import type { Deadline } from "./deadline.js";

/** Ends calls whose readers were dropped without a word. */
const dropped = new FinalizationRegistry<Deadline>((deadline) => {
  deadline.abort(undefined);
});

/**
 * A call that answers with messages: begun when it is first read, cancelled when it is let go of, or dropped.
 *
 * What it holds must not lead back to it: a call that runs is held by its connection.
 */
export class RunningCall<M> {
  isClosed = false;
  #deadline: Deadline | undefined;
  #messages: AsyncIterator<M, void, undefined> | undefined;

  constructor(
    private readonly begin: () => Deadline,
    private readonly start: (deadline: Deadline) => AsyncIterator<M, void, undefined>,
  ) {}

  /** Returns the next message, undefined after the last one. */
  async read(): Promise<M | undefined> {
    if (this.isClosed) {
      throw closed();
    }
    if (this.#messages === undefined) {
      this.#deadline = this.begin();
      this.#messages = this.start(this.#deadline);
      dropped.register(this, this.#deadline, this);
    }
    let isOver = true;
    try {
      const { value, done } = await this.#messages.next();
      isOver = done === true;
      return value ?? undefined;
    } finally {
      if (isOver) {
        this.#deadline?.release();
      }
    }
  }

  /** Cancels the call unless it has ended. */
  close(): void {
    this.isClosed = true;
    this.#deadline?.abort(closed());
    dropped.unregister(this);
  }
}

function closed(): Error {
  return new Error("It was closed: nothing comes from it any more.");
}
