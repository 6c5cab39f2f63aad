import type { PartSettings } from "../config/part.ts";
import { skippableParts } from "../config/skippable_parts.ts";
import type { GatherSettings } from "../config/route.ts";
import { writeJson } from "../json/write_json.ts";
import { type DocObject, ref } from "./document.ts";

/** Returns the schema of an aggregate's response. */
export function envelopeSchema(route: GatherSettings): DocObject {
  const { parts } = route;
  return {
    type: "object",
    required: ["data", "complete"],
    properties: {
      data: dataSchema(route),
      complete: { type: "boolean", description: "Whether every part that counts succeeded." },
      problems: {
        type: "array",
        description: "The parts, and items of lists, that failed; absent if none did.",
        items: ref("schemas", "PartProblem"),
      },
      stale: {
        type: "array",
        description: "The parts that are stale because their upstreams failed; absent if none is.",
        items: { enum: parts.map(({ name }) => name) },
      },
    },
    additionalProperties: false,
  };
}

/** The records of a streamed aggregate, as a component: one a line. */
export const RECORD_SCHEMA: DocObject = {
  description: "A part's data, a part's problem, or the end.",
  anyOf: [
    {
      type: "object",
      required: ["part", "data"],
      properties: {
        part: { type: "string" },
        data: {},
        more: { const: true, description: "Further pages of the list follow." },
      },
      additionalProperties: false,
    },
    {
      type: "object",
      required: ["part", "problem"],
      properties: {
        part: { type: "string" },
        index: { type: "integer", minimum: 0 },
        data: { description: "The fallback value." },
        problem: ref("schemas", "Problem"),
      },
      additionalProperties: false,
    },
    {
      type: "object",
      required: ["complete"],
      properties: { complete: { type: "boolean" }, problem: ref("schemas", "ProblemDocument") },
      additionalProperties: false,
    },
  ],
};

function dataSchema({ parts: all, isFirst, quorum }: GatherSettings): DocObject {
  const parts = all.filter(({ isHidden }) => !isHidden);
  if (isFirst) {
    return { description: `The first success of ${parts.map(({ name }) => name).join(", ")}.` };
  }
  const isRace = quorum !== undefined;
  const skippable = skippableParts(all);
  const names = parts.map(({ name }) => name).filter((name) => !skippable.has(name));
  return {
    type: "object",
    ...(isRace
      ? { description: `Parts that are not needed once ${quorum} have succeeded are left out.` }
      : { required: names }),
    properties: Object.fromEntries(parts.map((part) => [part.name, partSchema(part, isRace)])),
    additionalProperties: false,
  };
}

function partSchema(part: PartSettings, isRace: boolean): DocObject {
  const { optional, otherwise } = part;
  const schema = successSchema(part);
  if (!optional && !isRace) return schema;
  const fallback = otherwise ?? null;
  const description = isRace
    ? "null if the part failed."
    : `Optional: ${writeJson(fallback)} if the part failed.`;
  if (Object.keys(schema).length === 0) return { description };
  return { description, anyOf: [schema, { const: fallback }] };
}

/** An empty response is null, of JSON and of text. */
function successSchema({ as, map, each, batch, pages, optional }: PartSettings): DocObject {
  const one: DocObject = as === "text" && !map ? { type: ["string", "null"] } : {};
  if (each || batch) {
    return {
      type: "array",
      maxItems: each?.max ?? batch?.maxItems,
      items: one,
      ...(optional && { description: "An item that failed is null." }),
    };
  }
  return pages && !map ? { type: "array" } : one;
}
