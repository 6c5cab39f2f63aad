import * as v from "valibot";
import type { ConfigProblem } from "./config_error.ts";

/** Reads values by their schemas, and collects every problem on the way. */
export class Reader {
  /** The problems so far. */
  readonly problems: ConfigProblem[] = [];

  /** Returns the parsed value; undefined, with every problem reported, if it is invalid. */
  read<const Schema extends v.GenericSchema>(
    schema: Schema,
    input: unknown,
    path: readonly string[],
  ): v.InferOutput<Schema> | undefined {
    const result = v.safeParse(schema, input);
    if (result.success) return result.output;
    for (const issue of result.issues) {
      const keys = issue.path?.map(({ key }) => String(key)) ?? [];
      this.report([...path, ...keys], issue.message, issue.input);
    }
  }

  /** Adds a problem: its path, the rule, the value found, and a suggestion. */
  report(path: readonly string[], rule: string, got?: unknown, hint = ""): undefined {
    this.problems.push({ path, rule, got, hint });
  }
}
