import {
  compileDataCondition,
  ConditionFailed,
  type DataCondition,
  type Use,
  type VariableType,
} from "../expression/data_condition.ts";
import { ConditionError } from "../expression/condition.ts";
import { GatewayError } from "../core/errors.ts";
import type { PartCondition } from "../gather/gather_part.ts";
import type { Inputs } from "../template/inputs.ts";
import type { Reference, TemplateName } from "../template/reference.ts";

/** The condition of a part. */
export interface PartConditionSettings extends PartCondition {
  /** The expression as written. */
  readonly text: string;
  /** What it refers to. */
  readonly names: readonly TemplateName[];
}

/** What a condition can refer to, besides the client's request. */
export interface ConditionNames {
  readonly params: readonly string[];
  /** The other parts. */
  readonly parts: readonly string[];
}

/** A value that a condition reads. */
interface Read {
  readonly use: Use;
  readonly reference: Reference;
}

/** The variables of the client's request, which have members. */
const CLIENTS = ["query", "header", "body", "claims"] as const;

/**
 * Compiles the condition of a part.
 * @throws {ConditionError} when it is not a condition
 */
export function partCondition(
  text: string,
  { params, parts }: ConditionNames,
): PartConditionSettings {
  const condition = compileDataCondition(text, {
    ...typed(parts, "dyn"),
    ...typed(params, "string"),
    ...typed(CLIENTS, "map"),
    item: "dyn",
  });
  const reads = distinct(condition.uses).map((use): Read => ({
    use,
    reference: referenceOf(use, params),
  }));
  return {
    text,
    names: reads.map(({ use, reference }) => ({ name: nameOf(use), reference })),
    isLate: reads.some(({ use }) => parts.includes(use.variable)),
    usesItem: reads.some(({ use }) => use.variable === "item"),
    holds: (inputs) => decide(condition, reads, inputs),
  };
}

function typed(names: readonly string[], type: VariableType): Record<string, VariableType> {
  return Object.fromEntries(names.map((name) => [name, type]));
}

/** Each value once, and whether every use of it only asks whether it is there. */
function distinct(uses: readonly Use[]): Use[] {
  const byName = Map.groupBy(uses, nameOf);
  return [...byName.values()].flatMap((same) => {
    const [use] = same;
    return use ? { ...use, isOptional: same.some(({ isOptional }) => isOptional) } : [];
  });
}

function nameOf({ variable, member }: Use): string {
  return member === undefined ? variable : `${variable}.${member}`;
}

function referenceOf({ variable, member }: Use, params: readonly string[]): Reference {
  const path = member === undefined ? [] : [member];
  if (variable === "item") return { from: "item", path };
  const from = CLIENTS.find((name) => name === variable);
  if (from === undefined) {
    if (params.includes(variable)) return { from: "param or part", name: variable, path: [] };
    return { from: "param or part", name: variable, path };
  }
  if (member === undefined) {
    throw new ConditionError(`must name what it reads of ${from}: ${from}.NAME or ${from}["NAME"]`);
  }
  return from === "query" || from === "header" ? { from, name: member } : { from, path };
}

function decide(condition: DataCondition, reads: readonly Read[], inputs: Inputs): boolean {
  const values: Record<string, unknown> = {};
  for (const { use, reference } of reads) {
    const value = inputs.peek(reference);
    if (use.member === undefined) {
      values[use.variable] = value ?? null;
      continue;
    }
    const members = values[use.variable] ??= {};
    if (typeof members !== "object" || members === null) continue; // it is read as a whole, too
    if (value !== undefined) Reflect.set(members, use.member, value);
    // What the client did not send is null, except for `has`.
    else if (isClients(use) && !use.isOptional) Reflect.set(members, use.member, null);
  }
  try {
    return condition.holds(values);
  } catch (error) {
    if (!(error instanceof ConditionFailed)) throw error;
    throw new GatewayError("input-invalid", `its condition has no result: ${error.message}`);
  }
}

function isClients({ variable }: Use): boolean {
  return CLIENTS.some((name) => name === variable);
}
