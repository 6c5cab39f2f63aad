import { writeJson } from "../json/write_json.ts";
import { StartError } from "../core/start_error.ts";

/** One thing that is wrong with a config. */
export interface ConfigProblem {
  /** Where, as keys from the top. */
  readonly path: readonly string[];
  /** The rule that is broken: `must be …`. */
  readonly rule: string;
  /** What stands there; absent where showing it would tell nothing, or tell a secret. */
  readonly got?: unknown;
}

/** A config that cannot be used, with everything that is wrong with it. */
export class ConfigError extends StartError {
  override readonly name: string = "ConfigError";

  /** @param problems at least one */
  constructor(readonly problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join("\n"));
  }
}

const LONGEST_SHOWN = 80;

/** One line: `upstreams.users.timeout: must be a duration such as 400ms or 2s: got "4 sec"`. */
function formatProblem({ path, rule, got }: ConfigProblem): string {
  const where = path.reduce(
    (written, key) =>
      /^[\w-]+$/.test(key)
        ? `${written}${written && "."}${key}`
        : `${written}[${JSON.stringify(key)}]`,
    "",
  );
  const line = `${where || "config"}: ${rule}`;
  return got === undefined ? line : `${line}: got ${show(got)}`;
}

function show(value: unknown): string {
  if (typeof value === "function") return "a function";
  const text = writeJson(value) ?? String(value);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
