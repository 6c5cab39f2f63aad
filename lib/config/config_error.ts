import { writeJson } from "../json/write_json.ts";
import { StartError } from "../core/start_error.ts";

/** A problem of a config. */
export interface ConfigProblem {
  /** The keys that lead to the value, from the top. */
  readonly path: readonly string[];
  /** The rule that the value breaks: `must be …`. */
  readonly rule: string;
  /** The value found; absent if it is not helpful, or secret. */
  readonly got?: unknown;
  /** A suggestion, as {@linkcode suggest} returns it. */
  readonly hint?: string;
}

/** A config that is invalid, with all of its problems. */
export class ConfigError extends StartError {
  override readonly name: string = "ConfigError";

  /** @param problems at least one */
  constructor(readonly problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join("\n"));
  }
}

const LONGEST_SHOWN = 80;

/**
 * Formats a problem as one line: `upstreams.users.timeout: must be a duration such as 400ms or 2s;
 * got "4 sec"`.
 */
function formatProblem({ path, rule, got, hint = "" }: ConfigProblem): string {
  const where = path.reduce(
    (written, key) =>
      /^[\w-]+$/.test(key)
        ? `${written}${written && "."}${key}`
        : `${written}[${JSON.stringify(key)}]`,
    "",
  );
  const found = got === undefined ? "" : `; got ${show(got)}`;
  return `${where || "config"}: ${rule}${found}${hint}`;
}

function show(value: unknown): string {
  if (typeof value === "function") return "a function";
  const text = writeJson(value) ?? String(value);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
