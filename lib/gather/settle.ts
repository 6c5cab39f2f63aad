import type { Clock } from "../core/clock.ts";
import { GatewayError, toGatewayError } from "../core/errors.ts";
import { Scope } from "../core/scope.ts";
import type { Call, Context, Reply, Source } from "../core/source.ts";

/** A named question. */
export interface Part {
  readonly name: string;
  readonly source: Source;
  /** What is asked; a function makes it as soon as what the part needs is there. */
  readonly call: Call | (() => Call);
  /** The parts that must have succeeded before this one is asked; none of them in a circle. */
  readonly needs?: readonly string[];
}

/** A settled part: it has a reply, or the error it failed with. */
export type Outcome =
  & { readonly part: string; readonly durationMs: number }
  & ({ readonly reply: Reply; readonly error?: never } | {
    readonly error: GatewayError;
    readonly reply?: never;
  });

/** How parts are asked. */
export interface SettleOptions {
  readonly clock: Clock;
  /** How many parts are in flight at most (default: all). */
  readonly concurrency?: number;
  /**
   * Told of each outcome as it comes, before anything that waits for it is asked. Once it says true
   * the rest is no longer needed: what runs is cancelled at once, whoever consumes and how slowly.
   */
  readonly isDecided?: (outcome: Outcome) => boolean;
}

/**
 * Asks all parts, each as soon as what it needs is there, and yields their outcomes as they come,
 * each exactly once. A part whose need failed is not asked: it fails with `input-failed`.
 *
 * A consumer that stops early cancels what still runs. Either way, when the iteration has ended,
 * nothing that it started is still running.
 */
export async function* settle(
  parts: Iterable<Part>,
  ctx: Context,
  options: SettleOptions,
): AsyncGenerator<Outcome, void, void> {
  using run = new Run(parts, ctx, options);
  try {
    run.askReady();
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

/** A part on its way to its outcome. */
interface Node {
  readonly part: Part;
  /** How many of its needs have not settled. */
  missing: number;
  isSettled: boolean;
  /** Those that need it. */
  readonly dependents: Node[];
}

/** One run of parts. */
class Run implements Disposable {
  readonly #scope: Scope;
  readonly #ctx: Context;
  readonly #options: SettleOptions;
  /** Those whose needs are there, in order. */
  readonly #ready: Node[] = [];
  #nextReady = 0;
  readonly #settled: Outcome[] = [];
  #nextSettled = 0;
  #unsettled = 0;
  #running = 0;
  #isStopped = false;
  #isAsking = false;
  #arrived = () => {};

  constructor(parts: Iterable<Part>, ctx: Context, options: SettleOptions) {
    this.#scope = new Scope(ctx.signal);
    this.#ctx = { ...ctx, signal: this.#scope.signal };
    this.#options = options;
    const nodes = new Map<string, Node>();
    for (const part of parts) {
      const missing = part.needs?.length ?? 0;
      const node = { part, missing, isSettled: false, dependents: [] };
      nodes.set(part.name, node);
      if (missing === 0) this.#ready.push(node);
    }
    this.#unsettled = nodes.size;
    if (this.#ready.length < nodes.size) link(nodes);
  }

  /** Whether outcomes are still to be taken. */
  get isOpen(): boolean {
    return this.#unsettled > 0 || this.#nextSettled < this.#settled.length;
  }

  /** Whether anything is in flight. */
  get isBusy(): boolean {
    return this.#running > 0;
  }

  /** Asks what can be asked now. What fails at once makes room, which the same loop sees. */
  askReady(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const { concurrency = Infinity } = this.#options;
    while (this.#running < concurrency) {
      const node = this.#ready[this.#nextReady];
      if (node === undefined) break;
      this.#nextReady++;
      const { signal } = this.#scope;
      if (signal.aborted) this.#fail(node, toGatewayError(signal.reason));
      else this.#ask(node);
    }
    this.#isAsking = false;
  }

  /** The next outcome, if one is there. */
  take(): Outcome | undefined {
    const outcome = this.#settled[this.#nextSettled];
    if (outcome !== undefined) this.#nextSettled++;
    return outcome;
  }

  /** Resolves at the next outcome. */
  arrival(): Promise<void> {
    if (this.#running === 0) throw new Error("parts need each other in a circle");
    return new Promise((resolve) => this.#arrived = resolve);
  }

  /** Cancels what still runs. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    if (this.#unsettled > 0) this.#scope.cancel(notNeeded());
  }

  [Symbol.dispose](): void {
    this.#scope[Symbol.dispose]();
  }

  async #ask(node: Node): Promise<void> {
    const { source, call, name } = node.part;
    const { clock } = this.#options;
    const begun = clock.monotonic();
    let outcome: Outcome;
    this.#running++;
    try {
      const reply = await source(typeof call === "function" ? call() : call, this.#ctx);
      outcome = { part: name, durationMs: clock.monotonic() - begun, reply };
    } catch (thrown) {
      const error = toGatewayError(thrown);
      outcome = { part: name, durationMs: clock.monotonic() - begun, error };
    }
    this.#running--;
    this.#settle(node, outcome);
    this.askReady();
    this.#arrived();
  }

  #fail(node: Node, error: GatewayError): void {
    if (!node.isSettled) this.#settle(node, { part: node.part.name, durationMs: 0, error });
  }

  #settle(node: Node, outcome: Outcome): void {
    const settled = this.#isStopped && outcome.reply ? withoutReply(outcome) : outcome;
    node.isSettled = true;
    this.#unsettled--;
    this.#settled.push(settled);
    if (this.#options.isDecided?.(settled)) this.stop();
    for (const dependent of node.dependents) {
      if (settled.error) this.#fail(dependent, inputFailed(settled));
      else if (--dependent.missing === 0) this.#ready.push(dependent);
    }
  }
}

/** Tells each part who needs it. */
function link(nodes: ReadonlyMap<string, Node>): void {
  for (const node of nodes.values()) {
    for (const need of node.part.needs ?? []) {
      const needed = nodes.get(need);
      if (!needed) throw new Error(`${node.part.name} needs ${need}, which is no part`);
      needed.dependents.push(node);
    }
  }
}

/** The outcome of a part that answered when its answer was no longer needed. */
function withoutReply({ part, durationMs, reply }: Outcome): Outcome {
  // What the deadline cut off is missing whether or not it is needed.
  const { failures = [] } = reply ?? {};
  const late = failures.find(({ error }) => error.kind === "deadline-exceeded")?.error;
  const error = late && new GatewayError(late.kind, late.message, { failures });
  return { part, durationMs, error: error ?? notNeeded() };
}

function notNeeded(): GatewayError {
  return new GatewayError("cancelled", "the rest was no longer needed");
}

/** What a part fails with that cannot be asked, for want of another's answer. */
function inputFailed({ part, error }: Outcome & { error: GatewayError }): GatewayError {
  if (error.kind === "cancelled") return error;
  const { status, headers } = error;
  return new GatewayError("input-failed", `it needs the part ${part}, which failed`, {
    status,
    headers,
    cause: error,
  });
}
