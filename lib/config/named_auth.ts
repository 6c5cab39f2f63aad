import { compileCondition, type Condition, ConditionError } from "../expression/condition.ts";
import { type AuthPlace, type AuthSettings, readAuth } from "./auth.ts";
import { checkName, entries } from "./names.ts";
import type { AnyRouteSettings } from "./route.ts";
import { suggest } from "./suggest.ts";

/** What the condition of a route can refer to. */
const VARIABLES = ["claims", "client", "request"] as const;

/** What a route says about authentication. */
interface Guarded {
  readonly auth?: readonly string[] | undefined;
  readonly require?: string | undefined;
}

/** The ways to authenticate of a config, by name. */
export class NamedAuth {
  readonly #place: AuthPlace;
  /** Undefined for an invalid one. */
  readonly #byName = new Map<string, AuthSettings | undefined>();

  constructor(place: AuthPlace) {
    this.#place = place;
  }

  /** Every valid way. */
  get all(): AuthSettings[] {
    return [...this.#byName.values()].filter((auth) => auth !== undefined);
  }

  /** Parses the config's `auth`. */
  read(input: unknown): void {
    for (const [name, auth] of entries(input)) {
      checkName(["auth", name], this.#place.reader);
      this.#byName.set(name, readAuth(name, auth, this.#place));
    }
  }

  /** Whether a way that a route names has claims. */
  hasClaims({ auth = [] }: Guarded): boolean {
    // What an invalid way would have is not known.
    return auth.some((name) => this.#byName.get(name)?.kind !== "key");
  }

  /** Returns the ways that a route names, and its condition. */
  of(
    { auth = [], require }: Guarded,
    path: readonly string[],
  ): Pick<AnyRouteSettings, "auth" | "require"> {
    return {
      auth: this.#named(auth, [...path, "auth"]),
      require: require === undefined ? undefined : this.#condition(require, [...path, "require"]),
    };
  }

  #named(names: readonly string[], path: readonly string[]): AuthSettings[] {
    const { reader } = this.#place;
    return names.flatMap((name, index) => {
      if (names.indexOf(name) < index) {
        return reader.report(path, "must not name a way to authenticate twice", name) ?? [];
      }
      if (!this.#byName.has(name)) {
        const hint = suggest(name, [...this.#byName.keys()]);
        reader.report(path, "must be the name of a way to authenticate", name, hint);
      }
      return this.#byName.get(name) ?? [];
    });
  }

  #condition(text: string, path: readonly string[]): Condition | undefined {
    try {
      return compileCondition(text, VARIABLES);
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      return this.#place.reader.report(path, error.message, text);
    }
  }
}
