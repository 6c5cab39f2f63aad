import { NoRoom } from "../core/buffer_budget.ts";
import { GatewayError, type PartFailure } from "../core/errors.ts";
import type { Outcome } from "./settle.ts";

/** When a gather succeeds: with all of its required parts, or with a quorum of any parts. */
export type Rule =
  | { readonly of: "required"; readonly isRequired: (part: string) => boolean }
  | { readonly of: "any"; readonly quorum: number; readonly count: number };

/** The failure that decided. */
interface Fatal {
  readonly error: GatewayError;
  readonly detail: string;
  readonly headers: GatewayError["headers"];
}

/**
 * Decides, outcome by outcome, whether a gather has succeeded, has failed, or is still open.
 *
 * A pure state machine: it makes no calls and waits for nothing. The decision has to fall the moment
 * an outcome arrives, however slowly the client reads, because every call that the gather no longer
 * needs costs an upstream until it is cancelled. That is also why the buffered and the streamed form
 * of a response share it: both must fail, and stop, at the same outcome.
 */
export class Completion {
  readonly #rule: Rule;
  readonly #failures: PartFailure[] = [];
  #succeeded = 0;
  #failed = 0;
  #skipped = 0;
  #fatal: Fatal | undefined;

  constructor(rule: Rule) {
    this.#rule = rule;
  }

  /** The failures so far, in the order of their arrival. */
  get failures(): readonly PartFailure[] {
    return this.#failures;
  }

  /** Whether the response is complete: nothing that it should contain is missing. */
  get isComplete(): boolean {
    if (this.#fatal) return false;
    return this.#rule.of === "any" || this.#failures.length === 0;
  }

  /** The gather's error, with every part's failure; undefined unless the gather has failed. */
  get error(): GatewayError | undefined {
    if (this.#fatal === undefined) return undefined;
    const { error, detail, headers } = this.#fatal;
    const { kind, status, extensions } = error;
    return new GatewayError(kind, detail, {
      status,
      headers,
      extensions,
      failures: this.#failures,
      cause: error,
    });
  }

  /** Adds an outcome. True when it decides the gather: the remaining parts are no longer needed. */
  add({ part, reply, error, isSkipped }: Outcome): boolean {
    if (isSkipped) return this.#skip(part);
    if (reply) {
      this.#succeeded++;
      if (reply.failures) this.#failures.push(...reply.failures);
      return this.#rule.of === "any" && this.#succeeded === this.#rule.quorum;
    }
    this.#failed++;
    if (error.kind !== "cancelled") {
      this.#failures.push(...error.failures.length > 0 ? error.failures : [{ part, error }]);
    }
    const detail = this.#whyFatal(part, error);
    if (this.#fatal || this.#isSuccess || detail === undefined) return false;
    this.#fatal = { error, detail, headers: this.#headersOf(error) };
    return true;
  }

  /** A part that is not called is no candidate of a quorum, and missed by nobody else. */
  #skip(part: string): boolean {
    this.#skipped++;
    const rule = this.#rule;
    if (rule.of === "required" || this.#fatal || this.#isSuccess) return false;
    if (rule.count - this.#failed - this.#skipped >= rule.quorum) return false;
    const detail = `${tooFew(rule.quorum)} succeeded; the last one, ${part}, was not to be called`;
    const error = this.#failures.at(-1)?.error ?? new GatewayError("input-failed", detail);
    this.#fatal = { error, detail, headers: this.#headersOf(error) };
    return true;
  }

  /**
   * The headers of the error that decided. The failures that put a quorum out of reach decided
   * together: it has the longest `Retry-After` of them.
   */
  #headersOf({ status, headers }: GatewayError): GatewayError["headers"] {
    if (this.#rule.of === "required" || status < 500) return headers;
    const longest = Math.max(...this.#failures.map(({ error }) => retryAfterOf(error)));
    return longest < 0 ? headers : { ...headers, "retry-after": String(longest) };
  }

  get #isSuccess(): boolean {
    return this.#rule.of === "any" && this.#succeeded >= this.#rule.quorum;
  }

  #whyFatal(part: string, error: GatewayError): string | undefined {
    const rule = this.#rule;
    if (error.blame === "client" || error.cause instanceof NoRoom) {
      return `the part ${part}: ${error.message}`;
    }
    if (rule.of === "required") {
      return rule.isRequired(part) ? `the part ${part} is required: ${error.message}` : undefined;
    }
    if (rule.count - this.#failed - this.#skipped >= rule.quorum) return undefined;
    return `${tooFew(rule.quorum)} succeeded; the last to fail was ${part}: ${error.message}`;
  }
}

function tooFew(quorum: number): string {
  return quorum === 1 ? "no part" : `fewer than ${quorum} parts`;
}

/** How long an error's `Retry-After` is (s); -1 without one. */
export function retryAfterOf({ headers }: GatewayError): number {
  return Number(headers["retry-after"] ?? -1);
}
