import type { Bytes } from "../../lib/core/bytes.ts";
import type { Clock } from "../../lib/core/clock.ts";

/** How often there is news at most (ms). */
const EVERY_MS = 1_000;
/**
 * How long a stream lasts (ms). The browser then opens another one: so a session that has ended, and a
 * config that was replaced, are not shown for longer.
 */
const STREAM_MS = 30_000;
/** How soon the browser opens another stream (ms). */
const RETRY_MS = 250;
/** How many streams there may be. */
const MAX_VIEWERS = 100;

interface Viewer {
  readonly controller: ReadableStreamDefaultController<Bytes>;
  readonly until: number;
  /** What it was sent last. */
  text: string | undefined;
}

/** A page that someone looks at. */
interface Topic {
  readonly viewers: Set<Viewer>;
  readonly compute: () => Promise<string>;
  readonly end: AbortController;
}

/**
 * Server-sent events for the viewers of the dashboard. What a page shows is computed once a second for
 * all its viewers, sent only when it has changed, and not computed at all while nobody looks.
 */
export class LiveFeed {
  readonly #clock: Clock;
  readonly #topics = new Map<string, Topic>();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many streams are open. */
  get viewers(): number {
    return [...this.#topics.values()].reduce((sum, { viewers }) => sum + viewers.size, 0);
  }

  /** Whether another stream may be opened. */
  get isOpen(): boolean {
    return !this.#isClosed && this.viewers < MAX_VIEWERS;
  }

  /**
   * Opens a stream.
   * @param name what it shows; streams of the same name share what is computed
   * @param compute returns the data of the next event, a text without line breaks
   */
  open(name: string, compute: () => Promise<string>): ReadableStream<Bytes> {
    let viewer: Viewer | undefined;
    return new ReadableStream<Bytes>({
      start: (controller) => {
        viewer = { controller, until: this.#clock.monotonic() + STREAM_MS, text: undefined };
        send(viewer, `retry: ${RETRY_MS}\n\n`);
        const topic = this.#topics.get(name) ?? this.#begin(name, compute);
        topic.viewers.add(viewer);
      },
      cancel: () => {
        if (viewer) this.#leave(name, viewer);
      },
    }, { highWaterMark: 2 });
  }

  /** Ends all streams. */
  close(): void {
    this.#isClosed = true;
    for (const [name, { viewers }] of this.#topics) {
      for (const viewer of [...viewers]) this.#end(name, viewer);
    }
  }

  #begin(name: string, compute: () => Promise<string>): Topic {
    const topic = { viewers: new Set<Viewer>(), compute, end: new AbortController() };
    this.#topics.set(name, topic);
    this.#run(name, topic);
    return topic;
  }

  async #run(name: string, { viewers, compute, end }: Topic): Promise<void> {
    // Let whoever began the topic join it.
    await Promise.resolve();
    while (viewers.size > 0) {
      const text = await compute();
      const now = this.#clock.monotonic();
      for (const viewer of [...viewers]) {
        // Whoever reads too slowly misses some.
        const isReady = (viewer.controller.desiredSize ?? 0) > 0;
        if (isReady && text !== viewer.text) {
          viewer.text = text;
          send(viewer, `data: ${text}\n\n`);
        }
        if (now >= viewer.until) this.#end(name, viewer);
      }
      await this.#clock.sleep(EVERY_MS, end.signal).catch(() => {});
    }
  }

  #end(name: string, viewer: Viewer): void {
    this.#leave(name, viewer);
    viewer.controller.close();
  }

  #leave(name: string, viewer: Viewer): void {
    const topic = this.#topics.get(name);
    topic?.viewers.delete(viewer);
    if (topic?.viewers.size !== 0) return;
    this.#topics.delete(name);
    topic.end.abort();
  }
}

const encoder = new TextEncoder();

function send({ controller }: Viewer, text: string): void {
  controller.enqueue(encoder.encode(text));
}
