import type { Clock } from "../core/clock.ts";
import { GatewayError, toGatewayError } from "../core/errors.ts";
import { Scope } from "../core/scope.ts";
import { endPartSpan } from "./part_span.ts";
import type { Call, Context, Reply, Source } from "../core/source.ts";
import type { Span } from "../core/span.ts";

/** A named call. */
export interface Part {
  /** Its name. */
  readonly name: string;
  /** What is called. */
  readonly source: Source;
  /** The call; a function makes it once all parts that it needs have succeeded. */
  readonly call: Call | (() => Call);
  /** The parts that must succeed before this one is called; without cycles. */
  readonly needs?: readonly string[];
  /** Whether the response is useful without it (default false): see Context. */
  readonly isOptional?: boolean;
  /** Whether to call it, decided when it could be called; throws its failure (default: it is called). */
  readonly when?: (() => boolean) | undefined;
  /** Whether it is called although a part that it needs was skipped (default: it is skipped, too). */
  readonly acceptsSkipped?: boolean;
}

/** The outcome of a part: its reply, the error that it failed with, or that it was not to be called. */
export type Outcome =
  & {
    readonly part: string;
    /** On the monotonic clock (ms); absent if it was never called. */
    readonly startedAt?: number | undefined;
    readonly durationMs: number;
  }
  & (
    | { readonly reply: Reply; readonly error?: never; readonly isSkipped?: never }
    | { readonly error: GatewayError; readonly reply?: never; readonly isSkipped?: never }
    | { readonly isSkipped: true; readonly reply?: never; readonly error?: never }
  );

/** The options of {@linkcode settle}. */
export interface SettleOptions {
  /** The clock. */
  readonly clock: Clock;
  /** Maximum concurrent calls (default: unlimited). */
  readonly concurrency?: number;
  /**
   * Called with each outcome as it arrives, before any part that waits for it starts. Once it returns
   * true, the remaining calls are cancelled at once, however slowly the outcomes are consumed.
   */
  readonly isDecided?: (outcome: Outcome) => boolean;
}

/**
 * Calls all parts, each as soon as the parts that it needs have succeeded, and yields their outcomes
 * as they arrive, each exactly once. A part is not called when one that it needs has failed: it fails
 * with `input-failed`. A part whose condition is false is skipped, and so are those that need it.
 *
 * Why a scheduler of its own: with `Promise.all` the first failure returns while the other calls go
 * on, and with a chain of promises per part nothing knows what is still running. Here one run owns
 * every call. A consumer that stops early cancels them, and the iteration ends only when nothing that
 * it started is still running: after an error, a `break`, or a client that leaves.
 */
export async function* settle(
  parts: Iterable<Part>,
  ctx: Context,
  options: SettleOptions,
): AsyncGenerator<Outcome, void, void> {
  using run = new Run(parts, ctx, options);
  try {
    run.startReady();
    while (run.isOpen) {
      const outcome = run.take();
      if (outcome === undefined) await run.arrival();
      else yield outcome;
    }
  } finally {
    run.stop();
    while (run.isBusy) await run.arrival();
  }
}

/**
 * The same without an iterator, which would live as long as its calls: `isDecided` alone sees the
 * outcomes. Resolves once every part has settled and nothing is running.
 */
export function settleAll(
  parts: Iterable<Part>,
  ctx: Context,
  options: SettleOptions,
): Promise<void> {
  return new Run(parts, ctx, options).finish();
}

/** A part in the dependency graph. */
interface Node {
  readonly part: Part;
  /** How many of its needs have not settled. */
  missing: number;
  isSettled: boolean;
  startedAt: number;
  span: Span | undefined;
  /** The parts that need this one; undefined if none does. */
  dependents: Node[] | undefined;
}

/** One run over a graph of parts. */
class Run implements Disposable {
  readonly #scope: Scope;
  readonly #ctx: Context;
  /** The same for optional parts; made for the first of them. */
  #optionalCtx: Context | undefined;
  readonly #options: SettleOptions;
  /** Parts whose needs have all succeeded, in order. */
  readonly #ready: Node[] = [];
  #nextReady = 0;
  readonly #settled: Outcome[] = [];
  #nextSettled = 0;
  #unsettled = 0;
  #running = 0;
  #isStopped = false;
  #isStarting = false;
  #arrived = () => {};

  constructor(parts: Iterable<Part>, ctx: Context, options: SettleOptions) {
    this.#scope = new Scope(ctx.signal);
    this.#ctx = { ...ctx, signal: this.#scope.signal };
    this.#options = options;
    const waiting: Node[] = [];
    for (const part of parts) {
      const missing = part.needs?.length ?? 0;
      const node = {
        part,
        missing,
        isSettled: false,
        startedAt: 0,
        span: undefined,
        dependents: undefined,
      };
      (missing === 0 ? this.#ready : waiting).push(node);
    }
    this.#unsettled = this.#ready.length + waiting.length;
    if (waiting.length > 0) link([...this.#ready, ...waiting]);
  }

  /** Whether outcomes remain to be taken. */
  get isOpen(): boolean {
    return this.#unsettled > 0 || this.#nextSettled < this.#settled.length;
  }

  /** Whether any call is running. */
  get isBusy(): boolean {
    return this.#running > 0;
  }

  /** Starts every part that can start now. One that fails at once makes room within the same loop. */
  startReady(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    const { concurrency = Infinity } = this.#options;
    while (this.#running < concurrency) {
      const node = this.#ready[this.#nextReady];
      if (node === undefined) break;
      this.#nextReady++;
      const { signal } = this.#scope;
      if (signal.aborted) this.#fail(node, toGatewayError(signal.reason));
      else this.#call(node);
    }
    this.#isStarting = false;
  }

  /** Starts, and resolves once every part has settled and nothing is running. */
  finish(): Promise<void> {
    this.startReady();
    return new Promise((resolve, reject) => {
      this.#arrived = () => {
        // While parts are being started, one may fail at once and another still be ready.
        if (this.#running > 0 || this.#isStarting) return;
        this[Symbol.dispose]();
        if (this.#unsettled > 0) reject(cyclic());
        else resolve();
      };
      this.#arrived();
    });
  }

  /** Takes the next outcome; undefined when none has arrived. */
  take(): Outcome | undefined {
    const outcome = this.#settled[this.#nextSettled];
    if (outcome !== undefined) this.#nextSettled++;
    return outcome;
  }

  /** Resolves when the next outcome arrives. */
  arrival(): Promise<void> {
    if (this.#running === 0) throw cyclic();
    return new Promise((resolve) => this.#arrived = resolve);
  }

  /** Cancels the calls that still run. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    if (this.#unsettled > 0) this.#scope.cancel(notNeeded());
  }

  [Symbol.dispose](): void {
    this.#scope[Symbol.dispose]();
  }

  #call(node: Node): void {
    const { source, call, isOptional, when } = node.part;
    if (when && !this.#isCalled(node, when)) return;
    const shared = isOptional ? this.#optionalCtx ??= { ...this.#ctx, isOptional } : this.#ctx;
    node.span = shared.span?.start(node.part.name);
    const ctx = node.span ? { ...shared, span: node.span } : shared;
    node.startedAt = this.#options.clock.monotonic();
    this.#ctx.trace.partsRunning = ++this.#running;
    let calling: Promise<Reply>;
    try {
      calling = source(typeof call === "function" ? call() : call, ctx);
    } catch (thrown) {
      return this.#end(node, undefined, thrown);
    }
    calling.then((reply) => this.#end(node, reply), (thrown) => this.#end(node, undefined, thrown));
  }

  /** Whether a part's condition is true; else it has settled. */
  #isCalled(node: Node, when: () => boolean): boolean {
    try {
      if (when()) return true;
      this.#skip(node);
    } catch (thrown) {
      this.#fail(node, toGatewayError(thrown));
    }
    return false;
  }

  #end(node: Node, reply: Reply | undefined, thrown?: unknown): void {
    const { name: part } = node.part;
    const { startedAt } = node;
    const durationMs = this.#options.clock.monotonic() - startedAt;
    const outcome: Outcome = reply
      ? { part, startedAt, durationMs, reply }
      : { part, startedAt, durationMs, error: toGatewayError(thrown) };
    this.#ctx.trace.partsRunning = --this.#running;
    this.#settle(node, outcome);
    this.startReady();
    this.#arrived();
  }

  #fail(node: Node, error: GatewayError): void {
    if (!node.isSettled) this.#settle(node, { part: node.part.name, durationMs: 0, error });
  }

  #skip(node: Node): void {
    if (node.isSettled) return;
    this.#settle(node, { part: node.part.name, durationMs: 0, isSkipped: true });
  }

  #settle(node: Node, outcome: Outcome): void {
    const settled = this.#isStopped && outcome.reply ? withoutReply(outcome) : outcome;
    node.isSettled = true;
    if (this.#ctx.span && !settled.isSkipped) {
      const span = node.span ?? this.#ctx.span.start(node.part.name);
      endPartSpan(span, node.part.name, settled.reply ?? {}, settled.error);
    }
    this.#unsettled--;
    this.#settled.push(settled);
    if (this.#options.isDecided?.(settled)) this.stop();
    for (const dependent of node.dependents ?? []) {
      if (settled.error) this.#fail(dependent, inputFailed(settled));
      else if (settled.isSkipped && !dependent.part.acceptsSkipped) this.#skip(dependent);
      else if (--dependent.missing === 0) this.#ready.push(dependent);
    }
  }
}

/** Links each part to the parts that need it. */
function link(nodes: readonly Node[]): void {
  const byName = new Map(nodes.map((node) => [node.part.name, node]));
  for (const node of nodes) {
    for (const need of node.part.needs ?? []) {
      const needed = byName.get(need);
      if (!needed) throw new Error(`${node.part.name} needs ${need}, which is not a part`);
      (needed.dependents ??= []).push(node);
    }
  }
}

/** The outcome of a part whose reply arrived after the decision. */
function withoutReply(
  { part, startedAt, durationMs, reply: { failures = [] } }: Outcome & { readonly reply: Reply },
): Outcome {
  // What the deadline cut off is reported even though the part is no longer needed.
  const late = failures.find(({ error }) => error.kind === "deadline-exceeded")?.error;
  const error = late && new GatewayError(late.kind, late.message, { failures });
  return { part, startedAt, durationMs, error: error ?? notNeeded() };
}

function cyclic(): Error {
  return new Error("the parts' needs have a cycle");
}

function notNeeded(): GatewayError {
  return new GatewayError("cancelled", "the rest was no longer needed");
}

/** The error of a part that cannot be called because one that it needs has failed. */
export function inputFailed({ part, error }: Outcome & { error: GatewayError }): GatewayError {
  if (error.kind === "cancelled") return error;
  const { status, headers } = error;
  return new GatewayError("input-failed", `it needs the part ${part}, which failed`, {
    status,
    headers,
    cause: error,
  });
}
