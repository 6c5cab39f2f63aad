import { NoRoom } from "../core/buffer_budget.ts";
import { GatewayError, type PartFailure } from "../core/errors.ts";
import type { Outcome } from "./settle.ts";

/** When a gather has succeeded: with all its required parts, or with so many of any. */
export type Rule =
  | { readonly of: "required"; readonly isRequired: (part: string) => boolean }
  | { readonly of: "any"; readonly quorum: number; readonly count: number };

/** Decides, outcome by outcome, what becomes of a gather. It asks nobody and waits for nothing. */
export class Completion {
  readonly #rule: Rule;
  readonly #failures: PartFailure[] = [];
  #succeeded = 0;
  #failed = 0;
  #fatal: { readonly error: GatewayError; readonly detail: string } | undefined;

  constructor(rule: Rule) {
    this.#rule = rule;
  }

  /** What has failed so far, in the order it came. */
  get failures(): readonly PartFailure[] {
    return this.#failures;
  }

  /** Whether everything is there that was to be there. */
  get isComplete(): boolean {
    if (this.#fatal) return false;
    return this.#rule.of === "any" || this.#failures.length === 0;
  }

  /** What the whole failed with, and every part's failure; undefined when it has not failed. */
  get error(): GatewayError | undefined {
    if (this.#fatal === undefined) return undefined;
    const { error, detail } = this.#fatal;
    const { kind, status, headers, extensions } = error;
    return new GatewayError(kind, detail, {
      status,
      headers,
      extensions,
      failures: this.#failures,
      cause: error,
    });
  }

  /** Takes an outcome. True when it decides: the rest is then no longer needed. */
  add({ part, reply, error }: Outcome): boolean {
    if (reply) {
      this.#succeeded++;
      if (reply.failures) this.#failures.push(...reply.failures);
      return this.#rule.of === "any" && this.#succeeded === this.#rule.quorum;
    }
    if (error === undefined) return false;
    this.#failed++;
    if (error.kind !== "cancelled") {
      this.#failures.push(...error.failures.length > 0 ? error.failures : [{ part, error }]);
    }
    const detail = this.#whyFatal(part, error);
    if (this.#fatal || this.#isSuccess || detail === undefined) return false;
    this.#fatal = { error, detail };
    return true;
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
    if (rule.count - this.#failed >= rule.quorum) return undefined;
    const needed = rule.quorum === 1 ? "no part" : `fewer than ${rule.quorum} parts`;
    return `${needed} answered; the last to fail was ${part}: ${error.message}`;
  }
}
