import type { ASTNode } from "@marcbachmann/cel-js";
import { BoundedView } from "./bounded_view.ts";
import { compile, ConditionError, reasonOf } from "./condition.ts";

/** What a condition reads: a variable, or a member of it. */
export interface Use {
  readonly variable: string;
  /** Undefined where it reads the variable as a whole. */
  readonly member: string | undefined;
  /** Whether it only asks with `has(…)` whether there is such a member. */
  readonly isOptional: boolean;
}

/** A compiled condition over data that may be of any size. */
export interface DataCondition {
  /** Everything that it reads. */
  readonly uses: readonly Use[];
  /**
   * Whether it is true.
   * @throws {ConditionFailed} when a value is missing or of another type, or it takes too long
   */
  holds(values: Readonly<Record<string, unknown>>): boolean;
}

/** Thrown when a condition has no result; its message says why. */
export class ConditionFailed extends Error {
  /** The name in a stack trace. */
  override readonly name = "ConditionFailed";
}

/** The types of variables: anything, an object, or a string. */
export type VariableType = "dyn" | "map" | "string";

/** Functions with an expression as an argument that is evaluated for each item of a list. */
const LOOPS = new Set(["all", "exists", "exists_one", "map", "filter"]);
const MAX_LOOPS = 2;

/**
 * Compiles a condition in CEL whose values are not the gateway's own: what it may read is bounded,
 * and it has no regular expressions, whose time nothing bounds.
 * @param variables the names that it can refer to
 * @throws {ConditionError} when it is not a condition
 */
export function compileDataCondition(
  text: string,
  variables: Readonly<Record<string, VariableType>>,
): DataCondition {
  const { evaluate, ast } = compile(text, variables);
  const uses: Use[] = [];
  collect(ast, { uses, bound: [], isOptional: false });
  return {
    uses,
    holds(values) {
      const view = new BoundedView();
      let result: unknown;
      try {
        result = evaluate(
          Object.fromEntries(Object.entries(values).map(([name, value]) => [name, view.of(value)])),
        );
      } catch (error) {
        throw new ConditionFailed(reasonOf(error));
      }
      if (typeof result === "boolean") return result;
      throw new ConditionFailed("it is neither true nor false");
    },
  };
}

/** Where a node stands. */
interface Place {
  readonly uses: Use[];
  /** The variables of the loops around it. */
  readonly bound: readonly string[];
  readonly isOptional: boolean;
}

function collect(node: ASTNode, place: Place): void {
  const { uses, bound, isOptional } = place;
  switch (node.op) {
    case "value":
      return;
    case "id":
      if (!bound.includes(node.args)) {
        uses.push({ variable: node.args, member: undefined, isOptional });
      }
      return;
    case ".":
    case ".?": {
      const [object, member] = node.args;
      return object.op === "id" ? use(object.args, member, place) : collect(object, place);
    }
    case "[]":
    case "[?]": {
      const [object, key] = node.args;
      if (object.op === "id" && key.op === "value" && typeof key.args === "string") {
        return use(object.args, key.args, place);
      }
      collect(object, place);
      return collect(key, place);
    }
    case "call": {
      const [name, args] = node.args;
      for (const arg of args) collect(arg, { ...place, isOptional: name === "has" });
      return;
    }
    case "rcall":
      return collectMethod(node.args, place);
    case "list":
      return node.args.forEach((item) => collect(item, place));
    case "map":
      return node.args.forEach((entry) => entry.forEach((item) => collect(item, place)));
    case "!_":
    case "-_":
      return collect(node.args, place);
    default:
      return node.args.forEach((operand) => collect(operand, place));
  }
}

function collectMethod(
  [name, receiver, args]: readonly [string, ASTNode, readonly ASTNode[]],
  place: Place,
): void {
  if (name === "matches") {
    throw new ConditionError(
      "must not use matches, whose time has no bound; use startsWith, endsWith or contains",
    );
  }
  if (receiver.op === "id" && receiver.args === "cel") {
    throw new ConditionError("must not use cel.bind");
  }
  collect(receiver, place);
  const [variable, ...rest] = args;
  if (!LOOPS.has(name) || variable?.op !== "id") return args.forEach((arg) => collect(arg, place));
  const bound = [...place.bound, variable.args];
  if (bound.length > MAX_LOOPS) {
    throw new ConditionError(`must not nest more than ${MAX_LOOPS} of ${[...LOOPS].join(", ")}`);
  }
  for (const arg of rest) collect(arg, { ...place, bound });
}

function use(variable: string, member: string, { uses, bound, isOptional }: Place): void {
  if (!bound.includes(variable)) uses.push({ variable, member, isOptional });
}
