import * as v from "valibot";
import { parseRange } from "../http/address.ts";
import { isRecord } from "../core/is_record.ts";
import { parsePointer } from "../json/pointer.ts";
import type { Json } from "../template/template.ts";
import { TemplateError } from "../template/template_error.ts";
import { choice, type JsonSchema, value } from "./facts.ts";
import { object } from "./object.ts";
import { parseRate, type Rate } from "./rates.ts";
import { type Duration, parseDuration, parseSize, type Size } from "./units.ts";

// The values of a config: each rule beside its message.

/** Looks up an environment variable. */
export type Environment = (name: string) => string | undefined;

/** A string, or the environment variable that contains it: `{ env: "USERS_TOKEN" }`. */
export type Text = string | { readonly env: string };

/** A value that `read` parses; undefined if it breaks the rule. */
export function readAs<Input, Output>(
  rule: string,
  read: (value: unknown) => Output | undefined,
) {
  return v.pipe(
    v.custom<Input>(() => true),
    v.rawTransform<Input, Output>(({ dataset, addIssue, NEVER }) => {
      const output = read(dataset.value);
      if (output !== undefined) return output;
      addIssue({ message: rule });
      return NEVER;
    }),
  );
}

/** A template; the message of its TemplateError is the rule. */
export function template<Input, Output>(read: (value: unknown) => Output) {
  return v.pipe(
    v.custom<Input>(() => true),
    v.rawTransform<Input, Output>(({ dataset, addIssue, NEVER }) => {
      try {
        return read(dataset.value);
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error;
        addIssue({ message: error.message });
        return NEVER;
      }
    }),
  );
}

/** Milliseconds. */
export const duration = value(
  "duration",
  { type: "string", pattern: "^\\d+(\\.\\d+)?(ms|s|m|h)$", not: { pattern: "^[0.]+[a-z]" } },
  readAs<Duration, number>("must be a duration such as 400ms or 2s", parseDuration),
);
/** Bytes. */
export const size = value(
  "size",
  { type: "string", pattern: "^\\d+(\\.\\d+)?(B|KiB|MiB|GiB)$", not: { pattern: "^[0.]+[A-Z]" } },
  readAs<Size, number>("must be a size such as 64KiB or 4MiB", parseSize),
);
export const rate = value(
  "rate",
  { type: "string", pattern: "^[1-9]\\d*/(s|min|h|d)$" },
  readAs<`${number}/${"s" | "min" | "h" | "d"}`, Rate>(
    "must be a rate such as 5/s or 100/min, up to 1000000/s",
    parseRate,
  ),
);

const SAFE_RULE =
  "must not have a whole number of 2^53 or more, which JavaScript rounds; write a bigint such as 9007199254740993n";

const COUNT_RULE = "must be a whole number of at least 1";
export const count = value(
  "whole number",
  { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
  v.pipe(v.number(COUNT_RULE), v.safeInteger(COUNT_RULE), v.minValue(1, COUNT_RULE)),
);
const WHOLE_RULE = "must be a whole number of at least 0";
export const wholeNumber = value(
  "whole number",
  { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
  v.pipe(v.number(WHOLE_RULE), v.safeInteger(WHOLE_RULE), v.minValue(0, WHOLE_RULE)),
);
const PREFIX_RULE = "must be a whole number from 32 to 128";
export const ipv6Prefix = value(
  "whole number",
  { type: "integer", minimum: 32, maximum: 128 },
  v.pipe(
    v.number(PREFIX_RULE),
    v.safeInteger(PREFIX_RULE),
    v.minValue(32, PREFIX_RULE),
    v.maxValue(128, PREFIX_RULE),
  ),
);
const SHARE_RULE = "must be a number from 0 to 1";
export const share = value(
  "number",
  { type: "number", minimum: 0, maximum: 1 },
  v.pipe(v.number(SHARE_RULE), v.minValue(0, SHARE_RULE), v.maxValue(1, SHARE_RULE)),
);
export const flag = value("boolean", { type: "boolean" }, v.boolean("must be true or false"));
export const text = value("string", { type: "string" }, v.string("must be a string"));
export const nonEmptyText = value(
  "string",
  { type: "string", minLength: 1 },
  v.pipe(v.string("must be a string"), v.nonEmpty("must not be empty")),
);
/** A fixed path, such as the prefix of a forward. */
export const fixedPath = value(
  "path",
  { type: "string", pattern: "^/" },
  v.pipe(
    v.custom<`/${string}`>((value) => typeof value === "string", "must be a string"),
    v.check((path) => path.startsWith("/"), 'must start with "/"'),
  ),
);
export const json = value(
  "JSON",
  true,
  v.pipe(v.custom<Json>(isJson, "must be a JSON value"), v.check(hasSafeNumbers, SAFE_RULE)),
);

/** One of these words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(
  words: Words,
  rule: string,
) {
  return value(
    words.map((word) => `"${word}"`).join(" or "),
    { enum: words },
    v.picklist(words, rule),
  );
}

/** A function, which no JSON config can have. */
export function aFunction<Function>() {
  return value(
    "function",
    false,
    v.custom<Function>(
      (value) => typeof value === "function",
      "must be a function, which only a TypeScript config can have",
    ),
  );
}

/** A JSON Pointer (RFC 6901), as its keys. */
export const pointer = value(
  "JSON Pointer",
  { type: "string", pattern: "^(/([^~/]|~[01])*)*$" },
  readAs<string, readonly string[]>(
    'must be a JSON Pointer such as "/result/rows"',
    (value) => typeof value === "string" ? parsePointer(value) : undefined,
  ),
);

export function isPointer(text: string): boolean {
  return parsePointer(text) !== undefined;
}

/** A range of addresses: `10.0.0.0/8`. */
export const addressRange = value(
  "address range",
  { type: "string", pattern: "^[\\da-fA-F.:]+(%[^/]*)?(/\\d{1,3})?$" },
  readAs<string, NonNullable<ReturnType<typeof parseRange>>>(
    "must be an address or a range such as 10.0.0.0/8",
    (value) => typeof value === "string" ? parseRange(value) : undefined,
  ),
);

const TOKEN = "[!#$%&'*+.^_`|~\\w-]+";

/** `header:x-api-key`, as the header's name. */
export const headerKey = value(
  '"header:NAME"',
  { type: "string", pattern: `^header:${TOKEN}$` },
  v.pipe(
    v.custom<`header:${string}`>(
      (value) => typeof value === "string" && new RegExp(`^header:${TOKEN}$`).test(value),
      "must be header:NAME",
    ),
    v.transform((key) => ({ header: key.slice("header:".length).toLowerCase() })),
  ),
);

const OWN_HEADERS =
  "host|connection|content-length|transfer-encoding|upgrade|te|trailer|keep-alive";

/** The name of a header that a config may set. */
export const headerName = value(
  "header name",
  {
    type: "string",
    pattern: `^${TOKEN}$`,
    not: { pattern: `^(${caseless(OWN_HEADERS)})$` },
  },
  v.pipe(
    text,
    v.regex(new RegExp(`^${TOKEN}$`), "must be a header name"),
    v.check(
      (name) => !new RegExp(`^(?:${OWN_HEADERS})$`, "i").test(name),
      "must not be a header that the gateway sets itself",
    ),
  ),
);

/** Makes a pattern ignore case: JSON Schema has no flag for it. */
export function caseless(pattern: string): string {
  return pattern.replaceAll(/[a-z]/g, (letter) => `[${letter.toUpperCase()}${letter}]`);
}

/** The JSON Schema of a string, or of the variable that holds it. */
export function textOrEnv(string: { readonly [keyword: string]: unknown }): JsonSchema {
  return {
    anyOf: [{ type: "string", ...string }, {
      type: "object",
      properties: { env: { type: "string" } },
      required: ["env"],
      additionalProperties: false,
    }],
  };
}

/**
 * A value that `read` parses from a string or from an environment variable. Errors never show a
 * variable's value, which may be a secret, nor a string for which `isSecret` returns true.
 */
export function fromText<Output>(
  env: Environment,
  read: (text: string) => { readonly value: Output } | { readonly rule: string },
  isSecret: (text: string) => boolean,
) {
  return v.pipe(
    v.custom<Text>(() => true),
    v.rawTransform<Text, Output>(({ dataset, addIssue, NEVER }) => {
      const value: unknown = dataset.value;
      const refuse = (message: string, shown?: string) => {
        addIssue({ message, input: shown });
        return NEVER;
      };
      if (typeof value === "string") {
        const result = read(value);
        if ("value" in result) return result.value;
        return isSecret(value) ? refuse(result.rule) : refuse(result.rule, value);
      }
      if (!isRecord(value) || typeof value.env !== "string" || Object.keys(value).length > 1) {
        return refuse('must be a string or { env: "NAME" }');
      }
      const text = env(value.env);
      if (text === undefined) return refuse(unset(value.env));
      const result = read(text);
      return "value" in result ? result.value : refuse(`the value of ${value.env} ${result.rule}`);
    }),
  );
}

/** The message for an environment variable that is not set. */
export function unset(name: string): string {
  return `the environment variable ${name} is not set`;
}

/** The value of a header, which may be a secret. */
export const headerValue = (env: Environment) =>
  value(
    "string",
    textOrEnv({ pattern: "^[\\t\\x20-\\x7e\\x80-\\xff]*$" }),
    fromText(
      env,
      (text) =>
        /^[\t\x20-\x7e\x80-\xff]*$/.test(text)
          ? { value: text }
          : { rule: "must not have line breaks or characters outside Latin-1" },
      () => true,
    ),
  );

const CONCURRENCY_RULE =
  "must be a whole number of at least 1, or an object such as { max: 64, queue: 128 }";
const concurrencyObject = object({
  /** Maximum concurrent calls. */
  max: count,
  /** Maximum calls that queue; further calls are rejected. Default: twice `max`; 100 for `workers`. */
  queue: v.optional(wholeNumber),
});
export const concurrencyNumber = value(
  "whole number",
  { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
  v.pipe(count, v.transform((max) => ({ max, queue: undefined }))),
);

/** A maximum, or a maximum and a queue. */
export const concurrency = choice(
  v.lazy((input) => {
    if (typeof input === "number") return concurrencyNumber;
    return isRecord(input) ? concurrencyObject : v.never(CONCURRENCY_RULE);
  }),
  concurrencyNumber,
  concurrencyObject,
);

function isJson(value: unknown): value is Json {
  if (value === null || ["string", "boolean", "bigint"].includes(typeof value)) return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  return isRecord(value) && Object.values(value).every(isJson);
}

/** Whether no whole number in a value may have been rounded by JavaScript. */
function hasSafeNumbers(value: Json): boolean {
  if (typeof value === "number") return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (typeof value !== "object" || value === null) return true;
  return Object.values(value).every(hasSafeNumbers);
}

/** Checks that a value is JSON, which may contain templates. */
export function jsonOf(value: unknown): Json {
  if (!isJson(value)) throw new TemplateError("must be a JSON value");
  if (!hasSafeNumbers(value)) throw new TemplateError(SAFE_RULE);
  return value;
}
