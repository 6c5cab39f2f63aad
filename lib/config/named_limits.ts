import { type LimitSettings, readLimit } from "./limit.ts";
import { checkName, entries } from "./names.ts";
import type { Reader } from "./reader.ts";
import { suggest } from "./suggest.ts";

/** The limits of a config, by name. */
export class NamedLimits {
  readonly #reader: Reader;
  /** Undefined for an invalid one. */
  readonly #byName = new Map<string, LimitSettings | undefined>();

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  /** Every valid limit. */
  get all(): LimitSettings[] {
    return [...this.#byName.values()].filter((limit) => limit !== undefined);
  }

  /** Parses the config's `limits`. */
  read(input: unknown): void {
    for (const [name, limit] of entries(input)) {
      const path = ["limits", name];
      checkName(path, this.#reader);
      this.#byName.set(name, readLimit(name, limit, path, this.#reader));
    }
  }

  /** Returns the limits that a route names; each burst must be at least its cost. */
  of(
    { limit, cost }: { readonly limit: readonly string[]; readonly cost?: number | undefined },
    path: readonly string[],
  ): LimitSettings[] {
    return limit.flatMap((name, index) => {
      if (limit.indexOf(name) < index) {
        return this.#reader.report([...path, "limit"], "must not name a limit twice", name) ?? [];
      }
      if (!this.#byName.has(name)) {
        const hint = suggest(name, [...this.#byName.keys()]);
        this.#reader.report([...path, "limit"], "must be the name of a limit", name, hint);
      }
      const settings = this.#byName.get(name);
      if (!settings) return [];
      const allowances = [settings.allowance, ...settings.tiers.values()];
      const smallest = Math.min(...allowances.map(({ shape }) => shape.capacity / shape.perToken));
      if (cost !== undefined && cost > smallest) {
        const rule = `must be at most ${smallest}, the burst of ${name}`;
        this.#reader.report([...path, "cost"], rule, cost);
      }
      return settings;
    });
  }
}
