import { Body } from "../core/body.ts";
import type { Bytes } from "../core/bytes.ts";

/**
 * Stores a body while it streams to clients. It is read as fast as it arrives, up to `maxBytes`,
 * whatever the clients' pace; a larger one is passed on without being stored. When every client has
 * left before the end, the fill is cancelled.
 */
export class Fill {
  /** Resolves when the fill has ended. */
  readonly ended: Promise<void>;
  readonly #body: Body;
  #clients = 0;

  /**
   * @param maxBytes the largest body that is stored
   * @param onEnd called with whether the whole body was read
   */
  constructor(body: Body, maxBytes: number, onEnd: (isWhole: boolean) => void | Promise<void>) {
    this.#body = body;
    this.ended = this.#fill(maxBytes).then(onEnd, () => onEnd(false));
  }

  /** Cancels the body when no client reads it. */
  leaveUnread(): void {
    if (this.#clients === 0 && !this.#body.isWhole) this.#body.cancel();
  }

  /** The body for one client, from its first byte. */
  open(): Body {
    if (this.#body.isWhole) return this.#body;
    const { length } = this.#body;
    return Body.from({ stream: this.#stream(), ...(length === undefined ? {} : { length }) });
  }

  async #fill(maxBytes: number): Promise<boolean> {
    let size = 0;
    for await (const chunk of this.#body) {
      size += chunk.length;
      if (size <= maxBytes) continue;
      this.leaveUnread();
      return false;
    }
    return true;
  }

  #stream(): ReadableStream<Bytes> {
    const chunks = this.#body[Symbol.asyncIterator]();
    // A reader that has started is served to the end, also of a body too large to store.
    let first: ReturnType<typeof chunks.next> | undefined = chunks.next();
    first.catch(() => {});
    this.#clients++;
    let isReading = true;
    const leave = () => {
      if (!isReading) return;
      isReading = false;
      this.#clients--;
      this.leaveUnread();
    };
    return new ReadableStream({
      async pull(controller) {
        try {
          const next = first ?? chunks.next();
          first = undefined;
          const { done, value } = await next;
          if (!isReading) return;
          if (!done) return controller.enqueue(value);
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        leave();
      },
      async cancel() {
        leave();
        await chunks.return();
      },
    }, { highWaterMark: 0 });
  }
}
