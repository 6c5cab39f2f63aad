import { parseTemplate as parseExpression } from "url-template";
import type { Inputs } from "./inputs.ts";
import { ExactNumber } from "../json/exact_number.ts";
import { hasDotSegment } from "../http/path.ts";
import {
  HOLES,
  isClients,
  parseOnlyName,
  parseReference,
  splitNames,
  type TemplateName,
} from "./reference.ts";

/** A template that cannot be read; its message is the rule that it breaks. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

/** A template that has been read. */
export interface Template<T> {
  /** Every name in it. */
  readonly names: readonly TemplateName[];
  /**
   * Its value for one request; a number that JavaScript would change is an ExactNumber.
   * @throws {GatewayError} when a value cannot stand there: `bad-request` when it is the client's,
   * `input-invalid` when a part gave it
   */
  expand(inputs: Inputs): T;
}

/** A template for a path. */
export interface PathTemplate extends Template<string> {
  /** Whether the client's whole query goes with it, as `{?query}` says; `expand` leaves it out. */
  readonly passesQuery: boolean;
  /** What the parameters are called that it adds to its query. */
  readonly params: readonly string[];
}

/** Any JSON value, its large numbers as bigints; its strings may hold templates. */
export type Json = string | number | bigint | boolean | null | readonly Json[] | {
  readonly [key: string]: Json;
};

/** The client's whole query. */
const WHOLE_QUERY = /^[?&]query$/;
const QUOTE_RULE = 'must have a "}" for each "{", and both quotes of {query["NAME"]}';
const VALUE = parseExpression("{value}");

/**
 * Reads a path: RFC 6570 with no operator, `?` or `&` alone.
 *
 * Values are percent-encoded, so none can add a segment or a parameter. `{?query.lang}` writes
 * `?lang=…`: the words before the last dot say where a value comes from, not what it is called. In
 * a query a list, or a parameter that came several times, is written once for each value.
 */
export function parsePathTemplate(text: string): PathTemplate {
  if (!text.startsWith("/")) throw new TemplateError('must start with "/"');
  const holes: Hole[] = [];
  const literals = split(text, (expression) => holes.push(new Hole(expression)));
  if (literals.some((literal) => /[\s\\#]/.test(literal))) {
    throw new TemplateError("must have no space, backslash or fragment");
  }
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
    passesQuery: holes.some(({ isWholeQuery }) => isWholeQuery),
    params: holes.flatMap(({ isQuery, names }) => isQuery ? names.map(keyOf) : []),
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
  if (typeof value === "bigint") return fixed(new ExactNumber(String(value)));
  if (typeof value !== "object" || value === null) return fixed(value);
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
  const only = parseOnlyName(String(value));
  if (only) return { names, expand: (inputs) => texts(only, inputs.all(only.reference), inputs) };
  if (names.length > 0) return { names, expand: (inputs) => [String(expand(inputs))] };
  const fixed = value === null ? [] : [String(value)];
  return { names, expand: () => fixed };
}

/** None for a value that the client did not send, several for a list. */
function texts(name: TemplateName, values: readonly unknown[], inputs: Inputs): string[] {
  return values.flatMap((value) => {
    if (value === undefined || (value === null && isClients(name.reference))) return [];
    return [asText(name.name, value, inputs)];
  });
}

function fixed(value: unknown): Template<unknown> {
  return { names: [], expand: () => value };
}

function parseText(text: string): Template<unknown> {
  const names: TemplateName[] = [];
  const literals = split(text, (expression) => names.push(parseName(expression)));
  const only = parseOnlyName(text);
  if (only !== undefined) return { names, expand: (inputs) => inputs.get(only.reference) };
  for (const { name, reference } of names) {
    if (reference.from !== "query" || !reference.isList) continue;
    throw new TemplateError(`"{${name}}" must stand alone: it is a list`);
  }
  return {
    names,
    expand: (inputs) =>
      literals.reduce((written, literal, index) => {
        const name = names[index - 1];
        return written + (name ? oneText(name, inputs) ?? "" : "") + literal;
      }, ""),
  };
}

/** One `{…}` of a path. */
class Hole {
  readonly names: readonly TemplateName[];
  readonly isQuery: boolean;
  /** Whether it stands for all parameters of the client, and has no name of its own. */
  readonly isWholeQuery: boolean;
  readonly #operator: string;
  /** What its parameters are called, encoded. */
  readonly #keys: readonly string[];

  constructor(expression: string) {
    this.#operator = /^[?&]/.exec(expression)?.[0] ?? "";
    this.isQuery = this.#operator !== "";
    this.isWholeQuery = WHOLE_QUERY.test(expression);
    const names = expression.slice(this.#operator.length);
    this.names = this.isWholeQuery ? [] : splitNames(names).map(parseName);
    this.#keys = this.names.map(keyOf).map(encoded);
    if (new Set(this.#keys).size < this.#keys.length) {
      throw new TemplateError(`"{${expression}}" must not use one name twice`);
    }
  }

  expand(inputs: Inputs): string {
    if (!this.isQuery) return this.names.map((name) => segment(name, inputs)).join(",");
    let written = "";
    this.names.forEach((name, index) => {
      for (const text of texts(name, inputs.all(name.reference), inputs)) {
        written += `${written === "" ? this.#operator : "&"}${this.#keys[index]}=${encoded(text)}`;
      }
    });
    return written;
  }
}

/** What a parameter is called that takes a value. */
function keyOf({ name, reference }: TemplateName): string {
  return reference.from === "query" ? reference.name : name.slice(name.lastIndexOf(".") + 1);
}

function segment(name: TemplateName, inputs: Inputs): string {
  const text = oneText(name, inputs);
  if (text === undefined) throw inputs.fault(`${name.name}: is missing`);
  return encoded(text);
}

/** Percent-encoded (RFC 6570 section 3.2.2). */
function encoded(text: string): string {
  return VALUE.expand({ value: text });
}

/**
 * A value that can be written as text; undefined when the client did not send it. That a part gave
 * nothing is a mistake: what was to be asked of one user would be asked of all.
 */
function oneText(name: TemplateName, inputs: Inputs): string | undefined {
  const value = inputs.get(name.reference);
  if (value === undefined || (value === null && isClients(name.reference))) return undefined;
  return asText(name.name, value, inputs);
}

function asText(name: string, value: unknown, inputs: Inputs): string {
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw inputs.fault(`${name}: must be valid Unicode`);
    return value;
  }
  const isPlain = typeof value === "number" || typeof value === "boolean" ||
    value instanceof ExactNumber;
  if (!isPlain) throw inputs.fault(`${name}: must be a string, a number or a boolean`);
  return String(value);
}

function parseName(name: string): TemplateName {
  const reference = parseReference(name);
  if (reference) return { name, reference };
  throw new TemplateError(ruleOf(name));
}

function ruleOf(name: string): string {
  if (name === "query") {
    return '"{query}" must stand as params: "{query}", or as {?query} in a path: it is all parameters';
  }
  if (/^query\W/.test(name)) {
    return `"{${name}}" must be query.NAME, or have its name in quotes: query["NAME"]`;
  }
  return `"{${name}}" must name a route parameter, a part, query.NAME, header.NAME, body.NAME or item`;
}

/** Splits at the holes; the literals around them are returned, one more than there are holes. */
function split(text: string, onHole: (expression: string) => void): string[] {
  const parts = text.split(HOLES);
  const literals = parts.filter((_, index) => index % 2 === 0);
  if (literals.some((literal) => /[{}]/.test(literal))) {
    const isQuoted = /\{[^{}]*"/.test(text);
    throw new TemplateError(isQuoted ? QUOTE_RULE : 'must have a "}" for each "{"');
  }
  parts.forEach((part, index) => index % 2 === 1 && onHole(part));
  return literals;
}

function countEmptySegments(path: string): number {
  return path.split("/").filter((segment) => segment === "").length;
}
