import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { lateUpload } from "../http/late_upload.ts";
import { type UploadWatcher, watchedUpload } from "../http/watched_upload.ts";
import { Scope } from "../core/scope.ts";
import type { Call, Context, Policy, Reply, Source } from "../core/source.ts";
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
    function timeout(call, ctx) {
      const now = clock.monotonic();
      if (ctx.deadline <= now) {
        const detail = "no time was left for the call";
        return Promise.reject(new GatewayError("deadline-exceeded", detail));
      }
      const attempt = new Attempt(ctx.signal, timers, detail, now);
      const isUploading = call.body !== undefined && !call.body.isWhole;
      const inner = {
        ...ctx,
        signal: attempt,
        deadline: isUploading ? ctx.deadline : Math.min(now + timeoutMs, ctx.deadline),
      };
      const calling = isUploading ? upload(next, call, inner, attempt) : next(call, inner);
      return calling.then(
        (reply) => {
          attempt.end();
          return reply;
        },
        (error) => {
          attempt.end();
          throw attempt.waitsForClient ? lateUpload(error) : error;
        },
      );
    };
}

async function upload(next: Source, call: Call, ctx: Context, attempt: Attempt): Promise<Reply> {
  const body = call.body && watchedUpload(call.body, attempt);
  return await next({ ...call, ...(body && { body }) }, ctx);
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
