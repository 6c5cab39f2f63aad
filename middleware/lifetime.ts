import type { Background } from "../lib/core/background.ts";
import { BufferAccount, type BufferBudget } from "../lib/core/buffer_budget.ts";
import type { Clock } from "../lib/core/clock.ts";
import { GatewayError } from "../lib/core/errors.ts";
import { Scope } from "../lib/core/scope.ts";
import type { Client, Context } from "../lib/core/source.ts";
import { type Timer, TimerQueue } from "../lib/core/timer_queue.ts";
import type { Trace } from "../lib/core/trace.ts";
import type { Shutdown } from "../lib/process/shutdown.ts";
import type { Bindings } from "./bindings.ts";
import { ClientScope } from "./client_scope.ts";

/** What the requests of a route share. */
export interface LifetimeOptions {
  readonly deadlineMs: number;
  /** The route's deadlines. */
  readonly timers: TimerQueue;
  readonly clock: Clock;
  readonly run: (task: Parameters<Background["run"]>[0]) => void;
  readonly shutdown: Shutdown;
  readonly buffers: BufferBudget;
}

/** A request's Context, whose client is known only after it was made. */
export interface RequestContext extends Context {
  client: Client;
}

/** The request, as far as its time is concerned. */
interface Timed {
  readonly request: Request;
  readonly env: Bindings;
  readonly trace: Trace;
  /** On the monotonic clock (ms). */
  readonly arrivedAt: number;
}

/** The time that one request has, and what it holds until then. */
export class Lifetime {
  readonly ctx: RequestContext;
  /** How long the client wants to wait, when that is less than the route's deadline (ms). */
  readonly waitMs: number | undefined;
  readonly #options: LifetimeOptions;
  readonly #arrivedAt: number;
  readonly #scope: Scope;
  readonly #account: BufferAccount;
  readonly #timer: Timer;
  readonly #clients: { readonly timers: TimerQueue; readonly timer: Timer } | undefined;

  /** @param waitMs how long the client wants to wait (ms) */
  constructor(options: LifetimeOptions, c: Timed, waitMs: number) {
    const { deadlineMs, timers, clock, run, buffers } = options;
    const { env: { batch, remoteAddress }, arrivedAt, request, trace } = c;
    this.#options = options;
    this.#arrivedAt = arrivedAt;
    this.waitMs = waitMs < deadlineMs ? waitMs : undefined;
    // The end of a batch ends each request in it, for the same reason.
    this.#scope = batch ? new Scope(batch.signal) : new ClientScope(request);
    const pass = () => this.#pass();
    this.#timer = timers.set(pass, arrivedAt);
    if (this.waitMs !== undefined) {
      const timers = new TimerQueue(waitMs, clock);
      this.#clients = { timers, timer: timers.set(pass, arrivedAt) };
    }
    const due = Math.min(this.#timer.due, this.#clients?.timer.due ?? Infinity);
    this.#account = new BufferAccount(buffers);
    this.ctx = {
      signal: this.#scope.signal,
      deadline: Math.min(due, batch?.deadline ?? Infinity),
      client: { address: remoteAddress },
      trace,
      span: trace.span,
      background: run,
      buffers: this.#account,
    };
  }

  /** Has the request end with its client from now on, also during a wait that follows no signal. */
  watchClient(): void {
    if (this.#scope instanceof ClientScope) this.#scope.watch();
  }

  /** Stops the deadline: the response is whole, or its end is up to the client. */
  stop(): void {
    this.#options.timers.stop(this.#timer);
    this.#clients?.timers.stop(this.#clients.timer);
    this.#scope[Symbol.dispose]();
  }

  /** Releases the request's buffered bodies. */
  release(): void {
    this.#account.close();
  }

  #pass(): void {
    const { deadlineMs, clock, shutdown } = this.#options;
    const ms = this.waitMs ?? deadlineMs;
    const whose = this.waitMs === undefined ? "of this route" : "that the client asked for";
    const isStopped = shutdown.isBegun && clock.monotonic() < this.#arrivedAt + ms;
    const detail = isStopped
      ? "the gateway is stopping"
      : `no response within the ${ms} ms ${whose}`;
    this.#scope.cancel(new GatewayError("deadline-exceeded", detail));
  }
}
