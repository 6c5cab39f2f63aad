import type { Bytes } from "../../lib/core/bytes.ts";

const ENCODER = new TextEncoder();

/** A stream that a test plays: each pull waits until the test answers it. */
export class ScriptedStream {
  readonly stream: ReadableStream<Bytes>;
  /** How often a chunk was asked for. */
  pulls = 0;
  isCancelled = false;
  #controller: ReadableStreamDefaultController<Bytes> | undefined;
  #answered: (() => void) | undefined;

  /** @param onPull is told of each pull as it comes */
  constructor(onPull: () => void = () => {}) {
    this.stream = new ReadableStream<Bytes>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        this.pulls++;
        onPull();
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#answered = resolve;
        return promise;
      },
      cancel: () => {
        this.isCancelled = true;
      },
    }, { highWaterMark: 0 });
  }

  /** Whether a pull waits for its answer. */
  get isWanted(): boolean {
    return this.#answered !== undefined && !this.isCancelled;
  }

  deliver(chunk: string | Bytes): void {
    this.#controller?.enqueue(typeof chunk === "string" ? ENCODER.encode(chunk) : chunk);
    this.#answer();
  }

  end(): void {
    this.#controller?.close();
    this.#answer();
  }

  fail(error: unknown): void {
    this.#controller?.error(error);
    this.#answer();
  }

  #answer(): void {
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.();
  }
}
