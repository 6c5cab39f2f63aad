import type { Background } from "../lib/core/background.ts";
import { BufferAccount, type BufferBudget } from "../lib/core/buffer_budget.ts";
import type { Clock } from "../lib/core/clock.ts";
import { GatewayError } from "../lib/core/errors.ts";
import { readPreferences } from "../lib/http/prefer.ts";
import type { Shutdown } from "../lib/process/shutdown.ts";
import { Scope } from "../lib/core/scope.ts";
import { TimerQueue } from "../lib/core/timer_queue.ts";
import type { Middleware } from "./env.ts";

/** A route's deadline and what it ends. */
export interface DeadlineOptions {
  /** The route's key, for the log. */
  readonly route: string;
  /** The longest that the whole request may take, from its arrival (ms). */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly background: Background;
  readonly shutdown: Shutdown;
  /** How much later than other requests it ends at shutdown (ms). */
  readonly lateMs: number;
  /** Bounds the buffered bodies of all requests together. */
  readonly buffers: BufferBudget;
}

/**
 * Gives the request its Context, whose signal aborts at the deadline or when the client disconnects.
 * The deadline is earlier for a client that sends `Prefer: wait` (RFC 7240 section 4.3), and for
 * every request at shutdown.
 */
export function deadline(options: DeadlineOptions): Middleware {
  const { route, deadlineMs, clock, background, buffers, shutdown, lateMs } = options;
  const run = background.run.bind(background);
  const timers = shutdown.timers(deadlineMs, lateMs);
  return async function deadline(c, next) {
    const arrivedAt = c.get("arrivedAt");
    const { waitMs = Infinity } = readPreferences(c.req.raw.headers);
    const isClients = waitMs < deadlineMs;
    const ms = isClients ? waitMs : deadlineMs;
    // The end of a batch ends each request in it, for the same reason.
    const { batch } = c.env;
    const scope = batch ? new Scope(batch.signal) : new Scope(c.req.raw.signal, clientLeft);
    const whose = isClients ? "that the client asked for" : "of this route";
    const pass = () => {
      const isStopped = shutdown.isBegun && clock.monotonic() < arrivedAt + ms;
      const detail = isStopped
        ? "the gateway is stopping"
        : `no response within the ${ms} ms ${whose}`;
      scope.cancel(new GatewayError("deadline-exceeded", detail));
    };
    const timer = timers.set(pass, arrivedAt);
    const clients = isClients ? new TimerQueue(waitMs, clock) : undefined;
    const clientsTimer = clients?.set(pass, arrivedAt);
    const account = new BufferAccount(buffers);
    c.set("route", route);
    c.set("ctx", {
      signal: scope.signal,
      deadline: Math.min(timer.due, clientsTimer?.due ?? Infinity, batch?.deadline ?? Infinity),
      client: { address: c.env.remoteAddress },
      trace: c.get("trace"),
      background: run,
      buffers: account,
    });
    await next();
    if (isClients) c.res.headers.append("preference-applied", `wait=${waitMs / 1000}`);
    // Without this the server closes the connection unannounced (RFC 9112 section 9.6).
    if (shutdown.isBegun && !batch) c.res.headers.set("connection", "close");
    const end = () => {
      timers.stop(timer);
      if (clientsTimer) clients?.stop(clientsTimer);
      scope[Symbol.dispose]();
    };
    const streaming = c.get("streaming");
    if (streaming) streaming.then(end);
    else end();
    const sending = c.get("sending") ?? streaming;
    if (sending) sending.then(() => account.close());
    else account.close();
  };
}

function clientLeft(): GatewayError {
  return new GatewayError("cancelled", "the client went away");
}
