import { Body } from "../core/body.ts";
import type { Bytes } from "../core/bytes.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Semaphore } from "../async/semaphore.ts";
import type { Context, Policy, Reply } from "../core/source.ts";

/** How many calls an upstream gets at once, and how long each counts. */
export interface BulkheadOptions {
  /** The upstream's slots, shared by all that ask it. */
  readonly semaphore: Semaphore;
  readonly clock: Clock;
  /**
   * When a call has ended: `reply`, when `next` has settled (default); `body`, when the reply's body
   * has ended too, failed or was cancelled, which is for bodies that pass through.
   */
  readonly until?: "reply" | "body";
}

/** How long a client should wait before it asks again (s). */
const RETRY_AFTER_S = 1;

/**
 * Lets only so many calls at once through to an upstream; the next ones wait in line, as long as
 * their request may take. A call holds its slot until it has really ended, also a cancelled one.
 * It rejects with `overloaded` when the line is full, `deadline-exceeded` when its turn comes late.
 */
export function bulkhead({ semaphore, clock, until = "reply" }: BulkheadOptions): Policy {
  return (next) =>
    async function bulkhead(call, ctx) {
      throwIfLate(ctx, clock);
      const turn = semaphore.acquire(ctx.signal);
      if (turn === false) throw lineFull();
      if (turn !== true) await turn;
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
  throw new GatewayError("deadline-exceeded", "the deadline passed before the upstream was asked");
}

function lineFull(): GatewayError {
  const detail = "the upstream has as many calls as it may have, and as many wait as may wait";
  return new GatewayError("overloaded", detail, {
    headers: { "retry-after": String(RETRY_AFTER_S) },
  });
}

/** The reply with a body that calls `release` once it has ended; the same reply if it has already. */
function holdUntilRead(reply: Reply, signal: AbortSignal, release: () => void): Reply {
  const { length } = reply.body;
  if (length === 0) return reply;
  const source = reply.body.handOn();
  if (!(source instanceof ReadableStream)) return reply;
  const stream = tellEnd(source, signal, release);
  return { ...reply, body: Body.from({ stream, ...(length === undefined ? {} : { length }) }) };
}

/** The same stream; `onEnd` is called once, when it has ended, failed or was cancelled. */
function tellEnd(
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
    isCancelled = true; // what is being read ends at once, but the stream only when it says so
    signal.removeEventListener("abort", abort);
    try {
      await reader.cancel(reason);
    } finally {
      onEnd();
    }
  };
  // Nobody may ever read a body that nobody needs any more.
  const abort = () => {
    fail(signal.reason);
    cancel(signal.reason).catch(() => {});
  };
  const told = new ReadableStream<Bytes>({
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
  return told;
}
