import type { Bytes } from "../core/bytes.ts";
import type { Clock } from "../core/clock.ts";
import { type Timer, TimerQueue } from "../core/timer_queue.ts";
import type { Pieces } from "./pieces.ts";

/** How sending a response ended: `timeout` if the client did not read it in time. */
export type SendOutcome = "sent" | "cancelled" | "timeout";

/** A body that is being sent. */
export interface Sending {
  readonly stream: ReadableStream<Bytes>;
  /** Resolves when its bytes are no longer needed. */
  readonly ended: Promise<SendOutcome>;
}

/** How often progress is checked within the timeout. */
const LOOKS = 4;

/**
 * Sends bodies in pieces, as the client reads them, and aborts those that are not read.
 *
 * Bytes that the server gets in one piece stay in memory until the client has read them or is gone,
 * without any sign of progress. From a stream, the server takes one piece at a time.
 */
export class ResponseSender {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #timers: TimerQueue;

  /** @param timeoutMs maximum time without progress while data is available */
  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#timers = new TimerQueue(timeoutMs / LOOKS, clock);
  }

  /** Starts to send a body. */
  send(pieces: Pieces): Sending {
    const { promise: ended, resolve } = Promise.withResolvers<SendOutcome>();
    const timeoutMs = this.#timeoutMs;
    /** Since when the next piece is available; undefined while there is none. */
    let offeredAt: number | undefined = this.#clock.monotonic();
    let isOver = false;
    let timer: Timer;
    let fail = (_reason: string) => {};

    const end = (outcome: SendOutcome) => {
      isOver = true;
      this.#timers.stop(timer);
      resolve(outcome);
    };
    const look = () => {
      if (offeredAt === undefined || this.#clock.monotonic() - offeredAt < timeoutMs) {
        timer = this.#timers.set(look);
        return;
      }
      end("timeout");
      // A text, not an Error: the runtime prints it, and a stack would not help.
      fail(`a response was ended: its client read nothing for ${timeoutMs} ms`);
      pieces.cancel("the client does not read").catch(() => {});
    };
    timer = this.#timers.set(look);

    const stream = new ReadableStream<Bytes>({
      start(controller) {
        fail = (reason) => controller.error(reason);
      },
      pull: async (controller) => {
        offeredAt = undefined;
        try {
          const piece = await pieces.next();
          if (isOver) return;
          if (piece) controller.enqueue(piece.bytes);
          if (piece === undefined || piece.isLast) {
            controller.close();
            end("sent");
          } else offeredAt = this.#clock.monotonic();
        } catch (error) {
          if (isOver) return;
          end("cancelled");
          throw error;
        }
      },
      async cancel(reason) {
        if (isOver) return;
        end("cancelled");
        await pieces.cancel(reason);
      },
    }, { highWaterMark: 0 });
    return { stream, ended };
  }
}
