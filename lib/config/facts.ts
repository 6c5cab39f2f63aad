import * as v from "valibot";

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown };

/** Facts about a schema, for `gateway.schema.json` and the reference. */
export type Facts =
  /** A single value. */
  | { readonly kind: "value"; readonly type: string; readonly json: JsonSchema }
  /** An object with these keys and no other; `rules` are keywords about several keys at once. */
  | {
    readonly kind: "object";
    readonly entries: v.ObjectEntries;
    readonly rules?: { readonly [keyword: string]: unknown };
  }
  /** An object whose keys are names. */
  | {
    readonly kind: "record";
    readonly name: v.GenericSchema;
    readonly value: v.GenericSchema;
    readonly least: number;
  }
  | { readonly kind: "list"; readonly item: v.GenericSchema; readonly least: number }
  /** One of several forms. */
  | { readonly kind: "choice"; readonly options: readonly v.GenericSchema[] };

const known = new WeakMap<v.GenericSchema, Facts>();

/** Returns a copy of a schema with these facts. */
export function withFacts<Schema extends v.GenericSchema>(schema: Schema, facts: Facts): Schema {
  const copy = { ...schema };
  known.set(copy, facts);
  return copy;
}

/** Describes a single value by its type in the reference and its JSON Schema. */
export function value<Schema extends v.GenericSchema>(
  type: string,
  json: JsonSchema,
  schema: Schema,
): Schema {
  return withFacts(schema, { kind: "value", type, json });
}

/** Describes a schema that already selects one of several forms. */
export function choice<Schema extends v.GenericSchema>(
  schema: Schema,
  ...options: readonly v.GenericSchema[]
): Schema {
  return withFacts(schema, { kind: "choice", options });
}

/**
 * Returns the facts of a schema.
 * @throws {TypeError} if it has none
 */
export function factsOf(schema: v.GenericSchema): Facts {
  const facts = known.get(schema);
  if (facts === undefined) throw new TypeError(`a schema of type ${schema.type} has no facts`);
  return facts;
}

/** Accepts any value, with the facts of the schema that parses it later. */
export function later(schema: v.GenericSchema): v.GenericSchema {
  return withFacts(v.unknown(), factsOf(schema));
}
