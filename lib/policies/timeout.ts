import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { lateUpload } from "../http/late_upload.ts";
import { type UploadWatcher, watchedUpload } from "../http/watched_upload.ts";
import { Scope } from "../core/scope.ts";
import type { Policy } from "../core/source.ts";
import { type Timer, TimerQueue } from "../core/timer_queue.ts";

/** The time of one attempt. */
export interface TimeoutOptions {
  /** Maximum duration of the attempt (ms); the deadline may end it earlier. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * Aborts an attempt that takes too long.
 * It rejects with `upstream-timeout`, or with `deadline-exceeded` when the deadline comes first; an
 * attempt does not start when no time is left for it.
 *
 * Only the upstream's time counts: during an upload, the timer stops while the gateway waits for the
 * client's next bytes, and restarts when they arrive. So the upstream has the full timeout once the
 * request was sent. A client that is still uploading at the deadline gets `request-timeout`.
 */
export function timeout({ timeoutMs, clock }: TimeoutOptions): Policy {
  const timers = new TimerQueue(timeoutMs, clock);
  const detail = `no response within ${timeoutMs} ms`;
  return (next) =>
    async function timeout(call, ctx) {
      const now = clock.monotonic();
      if (ctx.deadline <= now) {
        throw new GatewayError("deadline-exceeded", "no time was left for the call");
      }
      const attempt = new Attempt(ctx.signal, timers, detail, now);
      const { client, trace, background, isOptional, buffers } = ctx;
      const inner = {
        signal: attempt,
        deadline: ctx.deadline,
        client,
        trace,
        background,
        isOptional,
        buffers,
      };
      try {
        if (call.body === undefined || call.body.isWhole) {
          inner.deadline = Math.min(now + timeoutMs, ctx.deadline);
          return await next(call, inner);
        }
        return await next({ ...call, body: watchedUpload(call.body, attempt) }, inner);
      } catch (error) {
        throw attempt.waitsForClient ? lateUpload(error) : error;
      } finally {
        attempt.end();
      }
    };
}

/**
 * One attempt: the signal that ends it, and its timer, which is stopped while the gateway waits for
 * the client's next bytes.
 */
class Attempt extends Scope implements Timer, UploadWatcher {
  waitsForClient = false;
  due = 0;
  isSet = false;
  earlier: Timer | undefined;
  later: Timer | undefined;
  readonly #timers: TimerQueue;
  readonly #detail: string;
  #hasEnded = false;

  constructor(parent: AbortSignal, timers: TimerQueue, detail: string, now: number) {
    super(parent);
    this.#timers = timers;
    this.#detail = detail;
    timers.start(this, now);
  }

  ring(): void {
    this.cancel(new GatewayError("upstream-timeout", this.#detail));
  }

  onWait(): void {
    this.waitsForClient = true;
    this.#timers.stop(this);
  }

  onCome(): void {
    // Cancelling the upload at the end of an attempt looks like an arrival, too.
    if (this.#hasEnded || this.aborted) return;
    this.waitsForClient = false;
    this.#timers.start(this);
  }

  end(): void {
    this.#hasEnded = true;
    this.#timers.stop(this);
    this[Symbol.dispose]();
  }
}
