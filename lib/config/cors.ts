import * as v from "valibot";
import { isOriginPattern } from "../http/origin_patterns.ts";
import { choice, value } from "./facts.ts";
import { list, object } from "./object.ts";
import type { Reader } from "./reader.ts";
import { duration, flag, headerName, text } from "./values.ts";

/** The origin of web pages, or of several. */
export const origin = value(
  '"https://HOST", "https://*.HOST" or "*"',
  {
    type: "string",
    pattern: "^(\\*|[a-z][a-z0-9+.-]*://(\\*\\.[^/?#\\s*]+|[^/?#\\s*]+)|null)$",
  },
  v.pipe(
    text,
    v.check(
      (origin) => origin === "*" || isOriginPattern(origin),
      'must be an origin such as https://app.example or https://*.app.example, or "*"',
    ),
  ),
);

/** Cross-origin access for web pages. */
export const corsSchema = object({
  /**
   * Origins whose pages may read responses, such as `https://app.example`; `https://*.app.example` for
   * every subdomain, `"*"` for every origin.
   */
  origins: list(origin, "must be a list of origins"),
  /** Whether these origins may send cookies and Authorization; not allowed with `"*"`. */
  credentials: v.optional(flag, false),
  /** Response headers that pages may read besides those of the gateway. */
  expose: v.optional(list(headerName, "must be a list of headers"), []),
  /** How long a browser may remember what a preflight has allowed. */
  maxAge: v.optional(duration, "10m"),
}, {
  not: {
    required: ["credentials"],
    properties: { credentials: { const: true }, origins: { contains: { const: "*" } } },
  },
});

const noCors = value("`false`", { const: false }, v.literal(false));

/** Cross-origin access of a route. */
export const routeCors = choice(
  v.lazy((input) => input === false ? noCors : corsSchema),
  corsSchema,
  noCors,
);

/** Cross-origin access for web pages, with every default filled in. */
export interface CorsSettings {
  /** Origins, `https://*.HOST` for the subdomains of one, `*` for all. */
  readonly origins: readonly string[];
  readonly credentials: boolean;
  /** Response headers that pages may read besides those of the gateway. */
  readonly expose: readonly string[];
  readonly maxAgeMs: number;
}

/** Converts `cors` to settings; undefined for none. */
export function corsSettings(
  read: v.InferOutput<typeof corsSchema> | false | undefined,
  path: readonly string[],
  reader: Reader,
): CorsSettings | undefined {
  if (!read) return undefined;
  const { origins, credentials, expose, maxAge } = read;
  if (credentials && origins.includes("*")) {
    reader.report([...path, "credentials"], 'must not be true together with "*" in origins');
  }
  return { origins, credentials, expose, maxAgeMs: maxAge };
}
