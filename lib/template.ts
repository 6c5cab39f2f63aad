import { parseTemplate as parseExpression } from "url-template";
import type { Inputs } from "./inputs.ts";
import { hasDotSegment } from "./path.ts";
import { isClients, parseOnlyName, parseReference, type TemplateName } from "./reference.ts";

/** A template that cannot be read; its message is the rule that it breaks. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

/** A template that has been read. */
export interface Template<T> {
  /** Every name in it. */
  readonly names: readonly TemplateName[];
  /**
   * Its value for one request.
   * @throws {GatewayError} when a value cannot stand there: `bad-request` when it is the client's,
   * `input-invalid` when a part gave it
   */
  expand(inputs: Inputs): T;
}

type Scalar = string | number | boolean;

/** Any JSON value; its strings may hold templates. */
export type Json = string | number | boolean | null | readonly Json[] | {
  readonly [key: string]: Json;
};

const TOO_LARGE = "is too large a number";
const HOLES = /\{([^{}]*)\}/g;

/**
 * Reads a path: RFC 6570 with no operator, `?` or `&` alone.
 *
 * Values are percent-encoded, so none can add a segment or a parameter. `{?query.lang}` writes
 * `?lang=…`: the words before the last dot say where a value comes from, not what it is called.
 */
export function parsePathTemplate(text: string): Template<string> {
  if (!text.startsWith("/")) throw new TemplateError('must start with "/"');
  if (/[\s\\#]/.test(text)) throw new TemplateError("must have no space, backslash or fragment");
  const holes: Hole[] = [];
  const literals = split(text, (expression) => holes.push(new Hole(expression)));
  const queryStart = holes.findIndex(({ isQuery }) => isQuery);
  const isMixed = queryStart >= 0 &&
    (holes.slice(queryStart).some(({ isQuery }) => !isQuery) ||
      literals.slice(queryStart + 1).some((literal) => literal !== ""));
  // What stands behind a query that is left out would stand in the path.
  if (isMixed) throw new TemplateError("must have nothing but {&…} behind {?…}");
  const pathEnd = literals.findIndex((literal, index) =>
    literal.includes("?") || (holes[index]?.isQuery ?? true)
  );
  const plainPath = literals.slice(0, pathEnd + 1).join("x").split("?", 1)[0] ?? "";
  if (hasDotSegment(plainPath)) throw new TemplateError('must have no segment "." or ".."');
  const pathNames = holes.slice(0, pathEnd).flatMap(({ names }) => names);
  const plainEmpties = countEmptySegments(plainPath);

  return {
    names: holes.flatMap(({ names }) => names),
    expand(inputs) {
      let expanded = literals[0] ?? "";
      holes.forEach((hole, index) => expanded += hole.expand(inputs) + literals[index + 1]);
      if (pathNames.length === 0) return expanded;
      const path = expanded.split("?", 1)[0] ?? "";
      if (countEmptySegments(path) > plainEmpties || hasDotSegment(path)) {
        const names = pathNames.map(({ name }) => name).join(", ");
        throw inputs.fault(`${names}: must not be empty, "." or ".."`);
      }
      return expanded;
    },
  };
}

/**
 * Reads a JSON value whose strings may hold `{name}`. A string that is exactly one `{name}` becomes
 * the value itself, with its type, and is left out where the request does not have it.
 */
export function parseValueTemplate(value: Json): Template<unknown> {
  if (typeof value === "string") return parseText(value);
  if (typeof value !== "object" || value === null) return { names: [], expand: () => value };
  if (Array.isArray(value)) {
    const items = value.map(parseValueTemplate);
    return {
      names: items.flatMap(({ names }) => names),
      expand: (inputs) => items.map((item) => item.expand(inputs)),
    };
  }
  const entries = Object.entries(value).map(([key, item]) =>
    [key, parseValueTemplate(item)] as const
  );
  return {
    names: entries.flatMap(([, { names }]) => names),
    expand: (inputs) =>
      Object.fromEntries(entries.map(([key, item]) => [key, item.expand(inputs)])),
  };
}

/**
 * Reads what only texts can stand for: a query parameter, a header. A list gives several texts, and
 * what the client did not send gives none.
 */
export function parseTextTemplate(value: Json): Template<string[]> {
  if (Array.isArray(value)) {
    const items = value.map(parseTextTemplate);
    return {
      names: items.flatMap(({ names }) => names),
      expand: (inputs) => items.flatMap((item) => item.expand(inputs)),
    };
  }
  if (typeof value === "object" && value !== null) {
    throw new TemplateError("must be a string, a number, a boolean, or a list of these");
  }
  const { names, expand } = parseValueTemplate(value);
  const [only] = names;
  if (only === undefined) {
    const fixed = value === null ? [] : [String(value)];
    return { names, expand: () => fixed };
  }
  return { names, expand: (inputs) => texts(only, expand(inputs), inputs) };
}

/** None for a value that the client did not send, several for a list. */
function texts(name: TemplateName, value: unknown, inputs: Inputs): string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.flatMap((value) => {
    if (value === undefined || (value === null && isClients(name.reference))) return [];
    return [String(asScalar(name.name, value, inputs))];
  });
}

function parseText(text: string): Template<unknown> {
  const names: TemplateName[] = [];
  const literals = split(text, (expression) => names.push(parseName(expression)));
  const only = parseOnlyName(text);
  if (only !== undefined) return { names, expand: (inputs) => whole(only, inputs) };
  return {
    names,
    expand: (inputs) =>
      literals.reduce((written, literal, index) => {
        const name = names[index - 1];
        return written + (name ? String(scalar(name, inputs) ?? "") : "") + literal;
      }, ""),
  };
}

/** A value as it is. One that JSON writes but JavaScript cannot hold would be sent as null. */
function whole({ name, reference }: TemplateName, inputs: Inputs): unknown {
  const value = inputs.get(reference);
  if (isTooLarge(value)) throw inputs.fault(`${name}: ${TOO_LARGE}`);
  return value;
}

/** One `{…}` of a path. */
class Hole {
  readonly names: readonly TemplateName[];
  readonly isQuery: boolean;
  readonly #keys: readonly string[];
  readonly #expression: ReturnType<typeof parseExpression>;

  constructor(expression: string) {
    const operator = /^[?&]/.exec(expression)?.[0] ?? "";
    this.isQuery = operator !== "";
    this.names = expression.slice(operator.length).split(",").map(parseName);
    this.#keys = this.names.map(({ name }) => name.slice(name.lastIndexOf(".") + 1));
    if (new Set(this.#keys).size < this.#keys.length) {
      throw new TemplateError(`"{${expression}}" must not use one name twice`);
    }
    this.#expression = parseExpression(`{${operator}${this.#keys.join(",")}}`);
  }

  expand(inputs: Inputs): string {
    const values = this.names.map((name, index) => {
      const value = scalar(name, inputs);
      if (value === undefined && !this.isQuery) {
        throw inputs.fault(`${name.name}: is missing`);
      }
      return [this.#keys[index] ?? "", value ?? null] as const;
    });
    return this.#expression.expand(Object.fromEntries(values));
  }
}

/**
 * A value that can be written as text; undefined when the client did not send it. That a part gave
 * nothing is a mistake: what was to be asked of one user would be asked of all.
 */
function scalar({ name, reference }: TemplateName, inputs: Inputs): Scalar | undefined {
  const value = inputs.get(reference);
  if (value === undefined || (value === null && isClients(reference))) return undefined;
  return asScalar(name, value, inputs);
}

function asScalar(name: string, value: unknown, inputs: Inputs): Scalar {
  if (isTooLarge(value)) throw inputs.fault(`${name}: ${TOO_LARGE}`);
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value !== "string") {
    throw inputs.fault(`${name}: must be a string, a number or a boolean`);
  }
  if (!value.isWellFormed()) throw inputs.fault(`${name}: must be valid Unicode`);
  return value;
}

/** What is left of a JSON number such as 1e999. */
function isTooLarge(value: unknown): boolean {
  return value === Infinity || value === -Infinity;
}

function parseName(name: string): TemplateName {
  const reference = parseReference(name);
  if (reference) return { name, reference };
  throw new TemplateError(
    `"{${name}}" must name a route parameter, a part, query.NAME, header.NAME, body.NAME or item`,
  );
}

/** Splits at the holes; the literals around them are returned, one more than there are holes. */
function split(text: string, onHole: (expression: string) => void): string[] {
  const parts = text.split(HOLES);
  const literals = parts.filter((_, index) => index % 2 === 0);
  if (literals.some((literal) => /[{}]/.test(literal))) {
    throw new TemplateError('must have a "}" for each "{"');
  }
  parts.forEach((part, index) => index % 2 === 1 && onHole(part));
  return literals;
}

function countEmptySegments(path: string): number {
  return path.split("/").filter((segment) => segment === "").length;
}
