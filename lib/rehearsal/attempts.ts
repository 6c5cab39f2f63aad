import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Policy } from "../core/source.ts";
import type { PartRecord, Trace } from "../core/trace.ts";
import { UpstreamFault } from "../core/upstream_fault.ts";
import type { Caller } from "../upstream/sources.ts";
import { type Fault, faultName, inject } from "./fault.ts";

/** One attempt of a call to an upstream. */
export interface Attempt {
  /** When it began, from the start of the rehearsal (ms). */
  readonly atMs: number;
  readonly durationMs: number;
  /** The fault that was injected, if any. */
  readonly fault?: string;
  /** The upstream's status; absent if it sent none. */
  readonly status?: number;
  /** The kind of failure; absent if there was a response. */
  readonly problem?: string;
  /** The system's words for it, for the operator alone. */
  readonly cause?: string;
}

/** What happened to a part, or to the call of a forward. */
export interface CallReport {
  /** Absent for a forward. */
  readonly part?: string;
  readonly upstream: string;
  readonly outcome: "succeeded" | "failed" | "cancelled" | "not called";
  /** From its start to its outcome (ms); absent if it had none. */
  readonly durationMs?: number;
  /** The kind of failure, and what the client reads of it. */
  readonly problem?: string;
  readonly detail?: string;
  /** The first attempts, in the order of their starts. */
  readonly attempts: readonly Attempt[];
  /** How many further ones there were; absent if none. */
  readonly moreAttempts?: number;
}

/** How many attempts are listed for one part: an `each` may make hundreds. */
const MOST_LISTED = 20;

/** Injects faults into the calls of one request, and records every attempt. */
export class Attempts {
  readonly #faults: ReadonlyMap<string, Fault>;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #attempts = new Map<string | undefined, Attempt[]>();
  readonly #counts = new Map<string | undefined, number>();
  #trace: Trace | undefined;

  /** @param faults by the name of a part or an upstream */
  constructor(faults: ReadonlyMap<string, Fault>, clock: Clock) {
    this.#faults = faults;
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
  }

  /** Returns the policy that each attempt of a caller goes through, the innermost but for targets. */
  policy({ part, upstream }: Caller): Policy {
    const fault = (part === undefined ? undefined : this.#faults.get(part)) ??
      this.#faults.get(upstream);
    const injected = fault ? inject(fault, this.#clock) : (next: Parameters<Policy>[0]) => next;
    const name = fault && faultName(fault);
    return (next) => {
      const source = injected(next);
      return async (call, ctx) => {
        this.#trace = ctx.trace;
        const at = this.#clock.monotonic();
        const ended = (facts: Partial<Attempt>) =>
          this.#add(part, {
            atMs: rounded(at - this.#startedAt),
            durationMs: rounded(this.#clock.monotonic() - at),
            ...(name !== undefined && { fault: name }),
            ...facts,
          });
        try {
          const reply = await source(call, ctx);
          ended({ status: reply.status });
          return reply;
        } catch (error) {
          ended(factsOf(error));
          throw error;
        }
      };
    };
  }

  /** Reports what happened to a caller. */
  report({ part, upstream }: Caller): CallReport {
    const attempts = this.#attempts.get(part) ?? [];
    const more = (this.#counts.get(part) ?? 0) - attempts.length;
    return {
      ...(part !== undefined && { part }),
      upstream,
      ...this.#outcome(part, attempts),
      attempts: attempts.toSorted((a, b) => a.atMs - b.atMs),
      ...(more > 0 && { moreAttempts: more }),
    };
  }

  #outcome(part: string | undefined, attempts: readonly Attempt[]) {
    const record = this.#trace?.parts.find((record) => record.part === part);
    if (record) return { ...outcomeOf(record), ...(record.error && notCalled(attempts)) };
    const last = attempts.at(-1);
    if (last === undefined) return { outcome: "not called" } as const;
    if (part !== undefined) return { outcome: "cancelled" } as const;
    return { outcome: last.status === undefined ? "failed" : "succeeded" } as const;
  }

  #add(part: string | undefined, attempt: Attempt): void {
    this.#counts.set(part, (this.#counts.get(part) ?? 0) + 1);
    const attempts = this.#attempts.get(part) ?? [];
    this.#attempts.set(part, attempts);
    if (attempts.length < MOST_LISTED) attempts.push(attempt);
  }
}

function outcomeOf({ durationMs: ms, error }: PartRecord) {
  const durationMs = rounded(ms);
  if (error === undefined) return { outcome: "succeeded", durationMs } as const;
  const { kind: problem, message: detail } = error;
  const outcome = problem === "cancelled" ? "cancelled" : "failed";
  return { outcome, durationMs, problem, detail } as const;
}

function notCalled({ length }: readonly Attempt[]) {
  return length === 0 ? { outcome: "not called" } as const : undefined;
}

function factsOf(error: unknown): Partial<Attempt> {
  if (!(error instanceof GatewayError)) return { problem: "internal", cause: String(error) };
  const { kind: problem, cause } = error;
  if (!(cause instanceof UpstreamFault)) return { problem };
  return { problem, cause: `${cause.reason}: ${cause.message}` };
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
