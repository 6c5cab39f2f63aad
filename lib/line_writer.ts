/** How long a line may wait for others to be written with (ms). */
const FLUSH_MS = 20;

const ENCODER = new TextEncoder();

/** Writes lines in batches: one write for each line would cost more than a request does. */
export class LineWriter {
  readonly #write: (bytes: Uint8Array) => void;
  #waiting = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param write takes some whole lines, UTF-8 */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  /** Adds a line; it is written 20 ms later at the latest. */
  line(text: string): void {
    this.#waiting += text + "\n";
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  /** Writes at once what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lines = this.#waiting;
    this.#waiting = "";
    if (lines !== "") this.#write(ENCODER.encode(lines));
  }
}
