import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { lateUpload } from "../http/late_upload.ts";
import { type UploadWatcher, watchedUpload } from "../http/watched_upload.ts";
import { Scope } from "../core/scope.ts";
import type { Policy } from "../core/source.ts";
import { type Timer, TimerQueue } from "../core/timer_queue.ts";

/** What one attempt may take. */
export interface TimeoutOptions {
  /** How long the attempt may take (ms); what is left of the deadline, when that is less. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * Ends an attempt that takes too long, by aborting it.
 * It rejects with `upstream-timeout`, or with `deadline-exceeded` when the deadline came first; an
 * attempt for which no time is left is not begun.
 *
 * The time is the upstream's: while the client still uploads it stands still whenever the next bytes
 * are to come from the client, and it begins anew with them; so the upstream has all of it once the
 * request was sent. A client that is still uploading at the deadline gets `request-timeout`.
 */
export function timeout({ timeoutMs, clock }: TimeoutOptions): Policy {
  const timers = new TimerQueue(timeoutMs, clock);
  const detail = `no answer within ${timeoutMs} ms`;
  return (next) =>
    async function timeout(call, ctx) {
      const now = clock.monotonic();
      if (ctx.deadline <= now) {
        throw new GatewayError("deadline-exceeded", "no time was left to ask");
      }
      const scope = new Scope(ctx.signal);
      const { signal } = scope;
      const ring = () => scope.cancel(new GatewayError("upstream-timeout", detail));
      const timer = new AttemptTimer(timers, ring, signal, now);
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

/** The time of one attempt, which stands still while the client has to send more. */
class AttemptTimer implements UploadWatcher {
  waitsForClient = false;
  readonly #timers: TimerQueue;
  readonly #ring: () => void;
  readonly #signal: AbortSignal;
  #timer: Timer;
  #hasEnded = false;

  constructor(timers: TimerQueue, ring: () => void, signal: AbortSignal, now: number) {
    this.#timers = timers;
    this.#ring = ring;
    this.#signal = signal;
    this.#timer = timers.set(ring, now);
  }

  onWait(): void {
    this.waitsForClient = true;
    this.#timers.stop(this.#timer);
  }

  onCome(): void {
    // What is let go of at the end of an attempt seems to come as well.
    if (this.#hasEnded || this.#signal.aborted) return;
    this.waitsForClient = false;
    this.#timer = this.#timers.set(this.#ring);
  }

  end(): void {
    this.#hasEnded = true;
    this.#timers.stop(this.#timer);
  }
}
