import type * as v from "valibot";
import { clientsSchema } from "../lib/config/client.ts";
import { type Facts, factsOf, type JsonSchema } from "../lib/config/facts.ts";
import { gatewaySchema } from "../lib/config/gateway.ts";
import { limitSchema } from "../lib/config/limit.ts";
import { partSchema } from "../lib/config/part.ts";
import { batchSchema, firstSchema, forwardSchema, gatherSchema } from "../lib/config/route.ts";
import { defaultOf, isOptional, unwrapped } from "./optional.ts";
import type { KeyDocs } from "./key_docs.ts";

/** Schemas that are definitions of the file (`$defs`). */
const NAMED: readonly (readonly [v.GenericSchema, string])[] = [
  [clientsSchema, "clients"],
  [limitSchema, "limit"],
  [partSchema, "part"],
  [gatherSchema, "aggregate"],
  [firstSchema, "first"],
  [forwardSchema, "forward"],
  [batchSchema, "batch"],
];

/** Returns the JSON Schema (draft 2020-12) of a JSON config. */
export function configSchema(docs: KeyDocs): JsonSchema {
  const named = new Map(NAMED.map(([schema, name]) => [factsOf(schema), name]));
  const definitions = NAMED.map(([schema, name]) => [name, written(schema)] as const);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Sluice gateway configuration",
    ...objectOf(written(gatewaySchema)),
    $defs: Object.fromEntries(definitions),
  };

  function schemaOf(schema: v.GenericSchema): JsonSchema {
    const name = named.get(factsOf(schema));
    return name === undefined ? written(schema) : { $ref: `#/$defs/${name}` };
  }

  /** Returns the JSON Schema of a schema; false if no JSON value can match it. */
  function written(schema: v.GenericSchema): JsonSchema {
    const facts: Facts = factsOf(schema);
    switch (facts.kind) {
      case "value":
        return facts.json;
      case "list":
        return {
          type: "array",
          items: schemaOf(facts.item),
          ...(facts.least > 0 && { minItems: facts.least }),
        };
      case "record":
        return {
          type: "object",
          propertyNames: schemaOf(facts.name),
          additionalProperties: schemaOf(facts.value),
          ...(facts.least > 0 && { minProperties: facts.least }),
        };
      case "choice": {
        const options = facts.options.map(schemaOf).filter((option) => option !== false);
        return { anyOf: options };
      }
      case "object":
        return objectSchema(facts);
    }
  }

  function objectSchema({ entries, rules }: Facts & { kind: "object" }): JsonSchema {
    const keys = Object.keys(entries);
    const properties: Record<string, JsonSchema> = {};
    const required: string[] = [];
    for (const [key, entry] of Object.entries(entries)) {
      const schema = schemaOf(unwrapped(entry));
      if (!isOptional(entry)) {
        if (schema === false) return false;
        required.push(key);
      }
      if (schema === false) continue;
      const fallback = defaultOf(entry);
      properties[key] = {
        description: docs.of(key, keys),
        ...objectOf(schema),
        ...(fallback === undefined ? {} : { default: fallback }),
      };
    }
    return { type: "object", properties, required, additionalProperties: false, ...rules };
  }
}

function objectOf(schema: JsonSchema): { readonly [keyword: string]: unknown } {
  return typeof schema === "boolean" ? {} : schema;
}
