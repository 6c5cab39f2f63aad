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
      const scope = new Scope(ctx.signal);
      const { signal } = scope;
      const expire = () => scope.cancel(new GatewayError("upstream-timeout", detail));
      const timer = new AttemptTimer(timers, expire, signal, now);
      try {
        const { client, trace, background, buffers } = ctx;
        if (call.body === undefined || call.body.isWhole) {
          const deadline = Math.min(now + timeoutMs, ctx.deadline);
          return await next(call, { signal, deadline, client, trace, background, buffers });
        }
        const upload = { ...call, body: watchedUpload(call.body, timer) };
        return await next(upload, {
          signal,
          deadline: ctx.deadline,
          client,
          trace,
          background,
          buffers,
        });
      } catch (error) {
        throw timer.waitsForClient ? lateUpload(error) : error;
      } finally {
        timer.end();
        scope[Symbol.dispose]();
      }
    };
}

/** The timer of one attempt, stopped while the gateway waits for the client's next bytes. */
class AttemptTimer implements UploadWatcher {
  waitsForClient = false;
  readonly #timers: TimerQueue;
  readonly #expire: () => void;
  readonly #signal: AbortSignal;
  #timer: Timer;
  #hasEnded = false;

  constructor(timers: TimerQueue, expire: () => void, signal: AbortSignal, now: number) {
    this.#timers = timers;
    this.#expire = expire;
    this.#signal = signal;
    this.#timer = timers.set(expire, now);
  }

  onWait(): void {
    this.waitsForClient = true;
    this.#timers.stop(this.#timer);
  }

  onCome(): void {
    // Cancelling the upload at the end of an attempt looks like an arrival, too.
    if (this.#hasEnded || this.#signal.aborted) return;
    this.waitsForClient = false;
    this.#timer = this.#timers.set(this.#expire);
  }

  end(): void {
    this.#hasEnded = true;
    this.#timers.stop(this.#timer);
  }
}
