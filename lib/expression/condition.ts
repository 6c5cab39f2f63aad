import type { ASTNode } from "@marcbachmann/cel-js";

type Cel = typeof import("@marcbachmann/cel-js");

let cel: Cel | undefined;

/**
 * Loads the library for conditions, which takes as long as a third of the start: only a config that
 * has conditions needs it.
 */
export async function loadConditions(): Promise<void> {
  cel ??= await import("@marcbachmann/cel-js");
}

/** A condition that cannot be compiled; its message is a rule for the config's author. */
export class ConditionError extends Error {
  /** The name in a stack trace. */
  override readonly name = "ConditionError";
}

/** A compiled condition. */
export interface Condition {
  /** The expression as written. */
  readonly text: string;
  /**
   * Whether the condition is true. A value that is missing or of another type, or any other error,
   * makes it false.
   */
  test(values: Readonly<Record<string, unknown>>): boolean;
}

/** Bounds of an expression: what it costs grows with its size and the sizes of its values. */
const LIMITS = {
  maxAstNodes: 500,
  maxDepth: 50,
  maxListElements: 100,
  maxMapEntries: 100,
  maxCallArguments: 16,
};

/**
 * Compiles a condition in the Common Expression Language (https://cel.dev), which has no loops but
 * those over its values.
 * @param variables the names that it can refer to
 * @throws {ConditionError} when it is not a condition
 */
export function compileCondition(text: string, variables: readonly string[]): Condition {
  const { evaluate } = compile(text, Object.fromEntries(variables.map((name) => [name, "map"])));
  return {
    text,
    test(values) {
      try {
        return evaluate(values) === true;
      } catch {
        return false;
      }
    },
  };
}

/**
 * Parses an expression and checks its types.
 * @param variables their types by name
 * @throws {ConditionError} when it is not a condition
 */
export function compile(
  text: string,
  variables: Readonly<Record<string, string>>,
): { readonly evaluate: (values: Record<string, unknown>) => unknown; readonly ast: ASTNode } {
  if (cel === undefined) throw new Error("conditions are compiled before they have been loaded");
  const environment = new cel.Environment({ limits: LIMITS });
  for (const [name, type] of Object.entries(variables)) environment.registerVariable(name, type);
  let evaluate: ReturnType<typeof environment.parse>;
  try {
    evaluate = environment.parse(text);
  } catch (error) {
    throw new ConditionError(`must be a CEL expression: ${reasonOf(error)}`);
  }
  const { valid, error, type } = evaluate.check();
  if (!valid) throw new ConditionError(`must be a CEL expression: ${reasonOf(error)}`);
  if (type !== "bool" && type !== "dyn") {
    throw new ConditionError(`must be true or false; it is of type ${type}`);
  }
  return { evaluate, ast: evaluate.ast };
}

/** Returns the first line of an error's message: the others show where in the expression it is. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n", 1)[0] ?? "";
}
