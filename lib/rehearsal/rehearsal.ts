import type { Clock } from "../core/clock.ts";
import type { Policy } from "../core/source.ts";
import type { CallRecord, PartRecord, Trace } from "../core/trace.ts";
import type { Caller } from "../upstream/sources.ts";
import { type Fault, faultName, inject } from "./fault.ts";

/** One attempt of a call to an upstream. */
export interface Attempt {
  /** From 1; a hedge has its first call's number. */
  readonly attempt: number;
  readonly isHedge?: true;
  /** When it began, from the start of the rehearsal (ms). */
  readonly atMs: number;
  /** Absent for one that was still running at the end. */
  readonly durationMs?: number;
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
  readonly outcome: "succeeded" | "failed" | "cancelled" | "skipped" | "not called";
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

/** Injects faults into the calls of one request, and reports what became of them. */
export class Rehearsal {
  readonly #faults: ReadonlyMap<string, Fault>;
  readonly #clock: Clock;
  readonly #startedAt: number;
  #trace: Trace | undefined;

  /** @param faults by the name of a part or an upstream */
  constructor(faults: ReadonlyMap<string, Fault>, clock: Clock) {
    this.#faults = faults;
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
  }

  /** Returns the policy that each attempt of a caller goes through, the innermost but for targets. */
  policy(caller: Caller): Policy {
    const fault = this.#faultOf(caller);
    return (next) => {
      const source = fault ? inject(fault, this.#clock)(next) : next;
      return (call, ctx) => {
        this.#trace = ctx.trace;
        return source(call, ctx);
      };
    };
  }

  /** Reports what happened to a caller. */
  report(caller: Caller): CallReport {
    const { part, upstream } = caller;
    const calls = this.#trace?.calls?.filter((call) => call.part === part) ?? [];
    const more = calls.length - MOST_LISTED;
    const fault = this.#faultOf(caller);
    return {
      ...(part !== undefined && { part }),
      upstream,
      ...this.#outcome(part, calls),
      attempts: calls.slice(0, MOST_LISTED).map((call) => this.#attempt(call, fault)),
      ...(more > 0 && { moreAttempts: more }),
    };
  }

  #faultOf({ part, upstream }: Caller): Fault | undefined {
    return (part === undefined ? undefined : this.#faults.get(part)) ?? this.#faults.get(upstream);
  }

  #outcome(part: string | undefined, calls: readonly CallRecord[]) {
    const last = calls.at(-1);
    const record = this.#trace?.parts.find((record) => record.part === part);
    if (record) return outcomeOf(record, last !== undefined);
    if (last === undefined) return { outcome: "not called" } as const;
    if (part !== undefined) return { outcome: "cancelled" } as const;
    return { outcome: last.status === undefined ? "failed" : "succeeded" } as const;
  }

  #attempt(record: CallRecord, fault: Fault | undefined): Attempt {
    const { attempt, isHedge, startedAt, durationMs, status, problem, reason, cause } = record;
    return {
      attempt,
      ...(isHedge && { isHedge }),
      atMs: rounded(startedAt - this.#startedAt),
      ...(durationMs !== undefined && { durationMs: rounded(durationMs) }),
      ...(fault && { fault: faultName(fault) }),
      ...(status !== undefined && { status }),
      ...(problem && { problem }),
      ...(reason && { cause: `${reason}: ${cause}` }),
    };
  }
}

function outcomeOf({ durationMs: ms, error, isSkipped }: PartRecord, wasCalled: boolean) {
  if (isSkipped) return { outcome: "skipped" } as const;
  const durationMs = rounded(ms);
  if (error === undefined) return { outcome: "succeeded", durationMs } as const;
  const { kind: problem, message: detail } = error;
  const outcome = !wasCalled ? "not called" : problem === "cancelled" ? "cancelled" : "failed";
  return { outcome, durationMs, problem, detail } as const;
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
