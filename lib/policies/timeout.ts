import type { AttemptContext } from "../core/attempt_context.ts";
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
  /** Completes a reply within the attempt, such as by reading its body (default: it is complete). */
  readonly complete?: ((reply: Reply, ctx: Context) => Reply | Promise<Reply>) | undefined;
  /** Is told how each attempt ends. */
  readonly log?: AttemptLog;
  /** Records each attempt; absent while nobody observes. */
  readonly recorder?: AttemptRecorder | undefined;
}

/** Is told how each attempt ends. */
export interface AttemptLog {
  succeeded(): void;
  failed(error: unknown, ctx: Context): void;
}

/** Records attempts: when each begins, and how it ends. */
export interface AttemptRecorder {
  begin(call: Call, ctx: AttemptContext): void;
  succeeded(reply: Reply, ctx: Context): void;
  failed(error: unknown, ctx: Context): void;
}

/** What the attempts of a policy share. */
interface Shared extends TimeoutOptions {
  readonly timers: TimerQueue;
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
export function timeout(options: TimeoutOptions): Policy {
  const { timeoutMs, clock, recorder } = options;
  const shared = { ...options, timers: new TimerQueue(timeoutMs, clock) };
  return (next) =>
    function timeout(call, ctx) {
      const now = clock.monotonic();
      if (ctx.deadline <= now) {
        const detail = "no time was left for the call";
        return Promise.reject(new GatewayError("deadline-exceeded", detail));
      }
      const attempt = new Attempt(ctx.signal, shared, now);
      const isUploading = call.body !== undefined && !call.body.isWhole;
      const inner = {
        ...ctx,
        signal: attempt,
        deadline: isUploading ? ctx.deadline : Math.min(now + timeoutMs, ctx.deadline),
        record: undefined,
        span: ctx.span,
      };
      recorder?.begin(call, inner);
      const calling = isUploading ? upload(next, call, inner, attempt) : next(call, inner);
      return calling.then(
        (reply) => attempt.complete(reply, inner),
        (error) => attempt.fail(error, inner),
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
  readonly #shared: Shared;
  #hasEnded = false;

  constructor(parent: AbortSignal, shared: Shared, now: number) {
    super(parent);
    this.#shared = shared;
    shared.timers.start(this, now);
  }

  ring(): void {
    const detail = `no response within ${this.#shared.timeoutMs} ms`;
    this.cancel(new GatewayError("upstream-timeout", detail));
  }

  onWait(): void {
    this.waitsForClient = true;
    this.#shared.timers.stop(this);
  }

  onCome(): void {
    // Cancelling the upload at the end of an attempt looks like an arrival, too.
    if (this.#hasEnded || this.aborted) return;
    this.waitsForClient = false;
    this.#shared.timers.start(this);
  }

  /** Ends it with a reply, once that is complete. */
  complete(reply: Reply, ctx: Context): Reply | Promise<Reply> {
    const { complete } = this.#shared;
    if (complete === undefined) return this.#succeed(reply, ctx);
    let completed: Reply | Promise<Reply>;
    try {
      completed = complete(reply, ctx);
    } catch (error) {
      return this.fail(error, ctx);
    }
    if (!(completed instanceof Promise)) return this.#succeed(completed, ctx);
    return completed.then((reply) => this.#succeed(reply, ctx), (error) => this.fail(error, ctx));
  }

  /** Ends it with an error. */
  fail(thrown: unknown, ctx: Context): never {
    this.#end();
    const error = this.waitsForClient ? lateUpload(thrown) : thrown;
    this.#shared.log?.failed(error, ctx);
    this.#shared.recorder?.failed(error, ctx);
    throw error;
  }

  #succeed(reply: Reply, ctx: Context): Reply {
    this.#end();
    this.#shared.log?.succeeded();
    this.#shared.recorder?.succeeded(reply, ctx);
    return reply;
  }

  #end(): void {
    this.#hasEnded = true;
    this.#shared.timers.stop(this);
    this[Symbol.dispose]();
  }
}
