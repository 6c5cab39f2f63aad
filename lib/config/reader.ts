import * as v from "valibot";
import type { ConfigProblem } from "./config_error.ts";

/** Reads values in the shape that a schema says, and collects every problem on the way. */
export class Reader {
  /** What is wrong so far. */
  readonly problems: ConfigProblem[] = [];

  /** The value in its shape; undefined, and every problem reported, when it is not. */
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

  /** Adds a problem: where it is, the rule that is broken, and what stands there. */
  report(path: readonly string[], rule: string, got?: unknown): undefined {
    this.problems.push({ path, rule, got });
  }
}
