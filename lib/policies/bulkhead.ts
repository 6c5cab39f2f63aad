import { Body } from "../core/body.ts";
import type { Bytes } from "../core/bytes.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { GaveWay } from "../core/gave_way.ts";
import type { WaitRecorder } from "../observe/wait_recorder.ts";
import type { Semaphore } from "../async/semaphore.ts";
import type { Context, Policy, Reply } from "../core/source.ts";

/** The concurrency limit of an upstream, and how long each call counts. */
export interface BulkheadOptions {
  /** The upstream's slots, shared by all of its callers. */
  readonly semaphore: Semaphore;
  readonly clock: Clock;
  /**
   * When a call releases its slot: `reply`, when `next` has settled (default); `body`, once the
   * reply's body has ended, failed or was cancelled, for bodies that are streamed through.
   */
  readonly until?: "reply" | "body";
  /** Records waits for a slot; absent while nobody observes. */
  readonly waits?: WaitRecorder | undefined;
}

/** How long a client should wait before it retries (s). */
const RETRY_AFTER_S = 1;

/**
 * Limits the concurrent calls to an upstream; further calls queue until their request's deadline. A
 * call holds its slot until it has really ended, even after it was cancelled. Calls of optional parts
 * wait until no required one does, and leave a full queue to them.
 * It rejects with `overloaded` when the queue is full, and with `deadline-exceeded` when a slot comes
 * free too late.
 */
export function bulkhead({ semaphore, clock, until = "reply", waits }: BulkheadOptions): Policy {
  return (next) =>
    async function bulkhead(call, ctx) {
      throwIfLate(ctx, clock);
      const turn = semaphore.acquire(ctx.signal, ctx);
      if (!(typeof turn === "boolean" ? turn : await (waits?.time(turn, ctx) ?? turn))) {
        throw queueFull(ctx);
      }
      let isPassedOn = false;
      const release = () => semaphore.release();
      try {
        if (turn !== true) throwIfLate(ctx, clock);
        const reply = await next(call, ctx);
        if (until === "reply") return reply;
        const held = holdUntilRead(reply, ctx.signal, release);
        isPassedOn = held !== reply;
        return held;
      } finally {
        if (!isPassedOn) release();
      }
    };
}

function throwIfLate({ signal, deadline }: Context, clock: Clock): void {
  signal.throwIfAborted();
  if (deadline > clock.monotonic()) return;
  throw new GatewayError("deadline-exceeded", "the deadline passed before the upstream was called");
}

function queueFull({ isOptional }: Context): GatewayError {
  const detail = "the upstream's concurrency limit and its queue are full";
  return new GatewayError("overloaded", detail, {
    headers: { "retry-after": String(RETRY_AFTER_S) },
    ...(isOptional && { cause: new GaveWay() }),
  });
}

/** A reply whose body calls `release` once it has ended; the same reply if there is no stream. */
function holdUntilRead(reply: Reply, signal: AbortSignal, release: () => void): Reply {
  const { length } = reply.body;
  if (length === 0) return reply;
  const source = reply.body.handOn();
  if (!(source instanceof ReadableStream)) return reply;
  const stream = notifyEnd(source, signal, release);
  return { ...reply, body: Body.from({ stream, ...(length === undefined ? {} : { length }) }) };
}

/** The same stream; `onEnd` is called once, when it has ended, failed or was cancelled. */
function notifyEnd(
  stream: ReadableStream<Bytes>,
  signal: AbortSignal,
  onEnd: () => void,
): ReadableStream<Bytes> {
  const reader = stream.getReader();
  let isCancelled = false;
  let fail = (_reason: unknown) => {};
  const end = () => {
    if (isCancelled) return;
    signal.removeEventListener("abort", abort);
    onEnd();
  };
  const cancel = async (reason: unknown) => {
    isCancelled = true; // a pending read ends at once, the stream itself only when `cancel` settles
    signal.removeEventListener("abort", abort);
    try {
      await reader.cancel(reason);
    } finally {
      onEnd();
    }
  };
  // A body that is no longer needed may never be read or cancelled by its consumer.
  const abort = () => {
    fail(signal.reason);
    cancel(signal.reason).catch(() => {});
  };
  const watched = new ReadableStream<Bytes>({
    start(controller) {
      fail = (reason) => controller.error(reason);
    },
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          end();
          controller.close();
        } else {
          controller.enqueue(value);
        }
      } catch (error) {
        end();
        throw error;
      }
    },
    cancel,
  }, { highWaterMark: 0 });
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return watched;
}
