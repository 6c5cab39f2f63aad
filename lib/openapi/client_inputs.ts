import type { PartSettings } from "../config/part.ts";
import type { GatherSettings } from "../config/route.ts";
import { skippableParts } from "../config/skippable_parts.ts";
import { templateNames } from "../config/template_names.ts";
import type { Reference, TemplateName } from "../template/reference.ts";
import { BodyShape } from "./body_shape.ts";
import type { DocObject } from "./document.ts";

/** What the templates of a route read of the client's request, besides path parameters. */
export interface ClientInputs {
  /** Parameters of the query and headers. */
  readonly parameters: readonly DocObject[];
  /** The body; undefined if no template refers to it. */
  readonly body: BodyShape | undefined;
  /** Whether a part passes on the client's Authorization. */
  readonly passesAuthorization: boolean;
}

/** OpenAPI describes these elsewhere: as content and security. */
const NO_PARAMETERS: ReadonlySet<string> = new Set(["accept", "content-type", "authorization"]);

/** Parameters of any name. */
export const ANY_QUERY: DocObject = {
  name: "query",
  in: "query",
  description: "Any query parameters; they are passed on.",
  style: "form",
  explode: true,
  schema: { type: "object", additionalProperties: true },
};

interface Parameter {
  isList: boolean;
  isRequired: boolean;
  maxItems: number | undefined;
}

/** Returns what the templates of a route's parts read of the client's request. */
export function clientInputs({ parts, readsBody }: GatherSettings): ClientInputs {
  const query = new Map<string, Parameter>();
  const headers = new Map<string, Parameter>();
  const body = readsBody ? new BodyShape() : undefined;
  const add = (
    reference: Reference,
    isRequired: boolean,
    list?: Pick<NonNullable<PartSettings["each"]>, "max">,
  ) => {
    if (reference.from === "body") return body?.add(reference.path, isRequired, list?.max);
    if (reference.from === "query") {
      const parameter = entry(query, reference.name, isRequired);
      parameter.isList ||= reference.isList === true || list !== undefined;
      if (list) parameter.maxItems = Math.min(parameter.maxItems ?? Infinity, list.max);
    } else if (reference.from === "header") {
      entry(headers, reference.name.toLowerCase(), isRequired);
    }
  };
  const skippable = skippableParts(parts);
  for (const part of parts) {
    const isCalled = !skippable.has(part.name);
    for (const name of templateNames(part)) {
      add(name.reference, isCalled && isRequired(part, name));
    }
    // A list of the body must be there; without parameters of its name, a list of the query is empty.
    const list = part.each ??
      (part.batch && { items: part.batch.of, max: part.batch.maxItems });
    if (list) {
      const { reference } = list.items;
      add(reference, isCalled && reference.from === "body", list);
    }
  }
  const passesQuery = parts.some(({ passesQuery }) => passesQuery);
  return {
    parameters: [
      ...[...query].map(([name, parameter]) => parameterOf("query", name, parameter)),
      ...passesQuery ? [ANY_QUERY] : [],
      ...[...headers].filter(([name]) => !NO_PARAMETERS.has(name))
        .map(([name, parameter]) => parameterOf("header", name, parameter)),
    ],
    body,
    passesAuthorization: headers.has("authorization"),
  };
}

function isRequired({ path }: PartSettings, name: TemplateName): boolean {
  return path.required.includes(name);
}

function entry(known: Map<string, Parameter>, name: string, isRequired: boolean): Parameter {
  const parameter = known.get(name) ?? { isList: false, isRequired: false, maxItems: undefined };
  parameter.isRequired ||= isRequired;
  known.set(name, parameter);
  return parameter;
}

function parameterOf(
  place: "query" | "header",
  name: string,
  { isList, isRequired, maxItems }: Parameter,
): DocObject {
  const items = { type: "string" };
  return {
    name,
    in: place,
    required: isRequired,
    ...(isList
      ? {
        style: "form",
        explode: true,
        schema: { type: "array", items, ...(maxItems !== undefined && { maxItems }) },
      }
      : { schema: items }),
  };
}
