import type { Inputs } from "./inputs.ts";
import { ExactNumber } from "../json/exact_number.ts";
import { hasDotSegment } from "../http/path.ts";
import { splitPath, splitText } from "./split_template.ts";
import { TemplateError } from "./template_error.ts";
import {
  isClients,
  parseOnlyName,
  parseReference,
  splitNames,
  type TemplateName,
} from "./reference.ts";

/** A parsed template. */
export interface Template<T> {
  /** Every name in it. */
  readonly names: readonly TemplateName[];
  /**
   * Expands the template for one request; a number that JavaScript would change is an ExactNumber.
   * @throws {GatewayError} when a value cannot be used there: `bad-request` when it is the client's,
   * `input-invalid` when it is a part's
   */
  expand(inputs: Inputs): T;
}

/** A parsed path template. */
export interface PathTemplate extends Template<string> {
  /** Whether it contains `{?query}`, the client's whole query, which `expand` does not append. */
  readonly passesQuery: boolean;
  /** The names that must have a value: those outside of `{?…}` and `{&…}`. */
  readonly required: readonly TemplateName[];
  /** The names of the parameters that it adds to its query. */
  readonly params: readonly string[];
}

/** Any JSON value, with large numbers as bigints; its strings may contain templates. */
export type Json = string | number | bigint | boolean | null | readonly Json[] | {
  readonly [key: string]: Json;
};

/** The client's whole query. */
const WHOLE_QUERY = /^[?&]query$/;
/** An encoded value that makes a segment neither empty nor a dot segment, also when decoded. */
const PLAIN_VALUE = /^[\w\-~][\w\-.~]*$/;
const UNRESERVED = /^[\w\-.~]*$/;
/** What encodeURIComponent leaves, although it is not unreserved (RFC 3986 section 2.3). */
const NOT_UNRESERVED = /[!'()*]/g;

/**
 * Parses a path template: RFC 6570 with the operators `?` and `&`, or none.
 *
 * Values are percent-encoded, so none can add a segment or a parameter. `{?query.lang}` becomes
 * `?lang=…`: the words before the last dot name the value's source and are not part of the
 * parameter's name. In a query, a list or a repeated parameter is written once for each value.
 */
export function parsePathTemplate(text: string): PathTemplate {
  if (!text.startsWith("/")) throw new TemplateError('must start with "/"');
  const { literals, expressions: written } = splitPath(text);
  const expressions = written.map((expression) => new Expression(expression));
  if (literals.some((literal) => /[\s\\#]/.test(literal))) {
    throw new TemplateError("must have no space, backslash or fragment");
  }
  const queryStart = expressions.findIndex(({ isQuery }) => isQuery);
  const isMixed = queryStart >= 0 &&
    (expressions.slice(queryStart).some(({ isQuery }) => !isQuery) ||
      literals.slice(queryStart + 1).some((literal) => literal !== ""));
  // When the query is omitted, text after it would become part of the path.
  if (isMixed) throw new TemplateError("must have nothing but {&…} after {?…}");
  const pathEnd = literals.findIndex((literal, index) =>
    literal.includes("?") || (expressions[index]?.isQuery ?? true)
  );
  const plainPath = literals.slice(0, pathEnd + 1).join("x").split("?", 1)[0] ?? "";
  if (hasDotSegment(plainPath)) throw new TemplateError('must not have a segment "." or ".."');
  const pathNames = expressions.slice(0, pathEnd).flatMap(({ names }) => names);
  const plainEmpties = countEmptySegments(plainPath);

  return {
    names: expressions.flatMap(({ names }) => names),
    required: expressions.flatMap(({ isQuery, names }) => isQuery ? [] : names),
    passesQuery: expressions.some(({ isWholeQuery }) => isWholeQuery),
    params: expressions.flatMap(({ isQuery, names }) => isQuery ? names.map(keyOf) : []),
    expand(inputs) {
      let expanded = literals[0] ?? "";
      let mayChangePath = false;
      for (let index = 0; index < expressions.length; index++) {
        const value = expressions[index]?.expand(inputs) ?? "";
        expanded += value + literals[index + 1];
        if (index < pathEnd && !PLAIN_VALUE.test(value)) mayChangePath = true;
      }
      if (!mayChangePath) return expanded;
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
 * Parses a JSON value whose strings may contain `{name}`. A string that is exactly one `{name}`
 * becomes the value itself, with its type, and is omitted when the request does not have it.
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
 * Parses a template that yields strings, for a query parameter or a header. A list yields several
 * strings, and a value that the client did not send yields none.
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
  const text = typeof value === "string" ? splitText(value).literals.join("") : String(value);
  const fixed = value === null ? [] : [text];
  return { names, expand: () => fixed };
}

/** The values as strings, without those that the client did not send. */
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
  const { literals, expressions } = splitText(text);
  const names = expressions.map(parseName);
  const only = parseOnlyName(text);
  if (only !== undefined) return { names, expand: (inputs) => inputs.get(only.reference) };
  for (const { name, reference } of names) {
    if (reference.from !== "query" || !reference.isList) continue;
    throw new TemplateError(`"{${name}}" must be the whole string: it is a list`);
  }
  return {
    names,
    expand: (inputs) =>
      literals.reduce((expanded, literal, index) => {
        const name = names[index - 1];
        return expanded + (name ? oneText(name, inputs) ?? "" : "") + literal;
      }, ""),
  };
}

/** One `{…}` of a path. */
class Expression {
  readonly names: readonly TemplateName[];
  readonly isQuery: boolean;
  /** Whether it is `{?query}`: all parameters of the client, without a name in the template. */
  readonly isWholeQuery: boolean;
  readonly #operator: string;
  /** The names of its parameters, encoded. */
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
    let query = "";
    this.names.forEach((name, index) => {
      for (const text of texts(name, inputs.all(name.reference), inputs)) {
        query += `${query === "" ? this.#operator : "&"}${this.#keys[index]}=${encoded(text)}`;
      }
    });
    return query;
  }
}

/** The name of the parameter that carries a value. */
function keyOf({ name, reference }: TemplateName): string {
  return reference.from === "query" ? reference.name : name.slice(name.lastIndexOf(".") + 1);
}

function segment(name: TemplateName, inputs: Inputs): string {
  const text = oneText(name, inputs);
  if (text === undefined) throw inputs.fault(`${name.name}: is missing`);
  return encoded(text);
}

/** Percent-encodes all but unreserved characters (RFC 6570 section 3.2.2). */
function encoded(text: string): string {
  if (UNRESERVED.test(text)) return text;
  return encodeURIComponent(text).replace(NOT_UNRESERVED, hexOf);
}

function hexOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/**
 * A value as text; undefined when the client did not send it. A missing value of a part's is an
 * error: a call meant for one user would otherwise be made for all.
 */
function oneText(name: TemplateName, inputs: Inputs): string | undefined {
  const value = inputs.get(name.reference);
  if (value === undefined || inputs.isMissing(value)) return undefined;
  if (value === null && isClients(name.reference)) return undefined;
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
    return '"{query}" must be used as params: "{query}", or as {?query} in a path: it is all parameters';
  }
  if (/^query\W/.test(name)) {
    return `"{${name}}" must be query.NAME, or have its name in quotes: query["NAME"]`;
  }
  if (/\s/.test(name)) {
    return `"{${name}}" must be a name without spaces; write "{{" and "}}" for braces that are text`;
  }
  return `"{${name}}" must name a route parameter, a part, query.NAME, header.NAME, body.NAME or item`;
}

function countEmptySegments(path: string): number {
  return path.split("/").filter((segment) => segment === "").length;
}
