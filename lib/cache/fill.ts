import { Body } from "../core/body.ts";
import type { Bytes } from "../core/bytes.ts";

/**
 * A body that is being kept while it is read. It is read as fast as it comes, up to what may be
 * kept, whatever the clients' pace; past that it is passed on and not kept. When every client has
 * left before the end, so has the cache.
 */
export class Fill {
  /** Resolves when nothing more is read to be kept. */
  readonly ended: Promise<void>;
  readonly #body: Body;
  #clients = 0;

  /**
   * @param keepBytes how much may be kept
   * @param onEnd told whether the whole body was kept
   */
  constructor(body: Body, keepBytes: number, onEnd: (isWhole: boolean) => void | Promise<void>) {
    this.#body = body;
    this.ended = this.#fill(keepBytes).then(onEnd, () => onEnd(false));
  }

  /** Leaves the origin before the end, when no client wants more of it. */
  leaveUnread(): void {
    if (this.#clients === 0 && !this.#body.isWhole) this.#body.cancel();
  }

  /** The body for one client, from its first byte. */
  open(): Body {
    if (this.#body.isWhole) return this.#body;
    const { length } = this.#body;
    return Body.from({ stream: this.#stream(), ...(length === undefined ? {} : { length }) });
  }

  async #fill(keepBytes: number): Promise<boolean> {
    let size = 0;
    for await (const chunk of this.#body) {
      size += chunk.length;
      if (size <= keepBytes) continue;
      this.leaveUnread();
      return false;
    }
    return true;
  }

  #stream(): ReadableStream<Bytes> {
    const chunks = this.#body[Symbol.asyncIterator]();
    // A reader that has begun is waited for, also when the body grows larger than may be kept.
    let begun: ReturnType<typeof chunks.next> | undefined = chunks.next();
    begun.catch(() => {});
    this.#clients++;
    let isHere = true;
    const leave = () => {
      if (!isHere) return;
      isHere = false;
      this.#clients--;
      this.leaveUnread();
    };
    return new ReadableStream({
      async pull(controller) {
        try {
          const next = begun ?? chunks.next();
          begun = undefined;
          const { done, value } = await next;
          if (!isHere) return;
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
