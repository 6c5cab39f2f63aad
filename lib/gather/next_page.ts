import { GatewayError } from "../core/errors.ts";
import { ExactNumber } from "../json/exact_number.ts";
import type { JsonDocument } from "../json/json_document.ts";
import { hasRelation, parseLinks } from "../http/link.ts";
import { hasDotSegment } from "../http/path.ts";
import { upstreamUrl } from "../http/upstream_url.ts";

/** A page of a list. */
export interface PageRead {
  /** Counted from 1. */
  readonly number: number;
  readonly headers: Headers;
  readonly document: JsonDocument;
  /** The path and query of its call. */
  readonly path: string;
}

/** How a page names the next one. */
export interface NextRule {
  /** In its `Link` header, or in its body, at this path of keys. */
  readonly next: "link" | readonly string[];
  /** The query parameter for a cursor. */
  readonly param?: string | undefined;
  /** Path and query of the first page, which a cursor is added to. */
  readonly firstPath: string;
  /** The upstream's base URL; absent for a function. */
  readonly base?: URL | undefined;
  /** The origins of the upstream's other targets. */
  readonly otherOrigins?: readonly string[] | undefined;
}

/** The base URL of a function source, which has none. */
const NOWHERE = new URL("http://upstream.invalid");

/** A path, a query alone, or a URL: not a cursor. */
const REFERENCE = /^(?:[/?]|[a-z][a-z\d+.-]*:\/\/)/i;

/**
 * The path and query of the next page; undefined after the last one, an `upstream-invalid` error when
 * the reference to it is invalid. A page must not lead off its upstream: the upstream's credentials
 * would be sent to another one.
 */
export function nextPath(page: PageRead, rule: NextRule): string | GatewayError | undefined {
  const { next, param, firstPath } = rule;
  if (next === "link") {
    const links = parseLinks(page.headers.get("link") ?? "");
    if (links === undefined) return invalid(page, "has a Link header that cannot be read");
    const link = links.find((link) => hasRelation(link, "next"));
    return link && resolve(link.target, page, rule);
  }
  const reference = page.document.at(next);
  if (reference === undefined || reference === null || reference === "") return undefined;
  if (typeof reference === "string" && REFERENCE.test(reference)) {
    return resolve(reference, page, rule);
  }
  if (!isCursor(reference)) {
    return invalid(page, "names the next one with neither a URL nor a cursor");
  }
  if (param === undefined) return invalid(page, "has a cursor, for which the part has no param");
  return withParam(firstPath, param, String(reference));
}

/** The URL of a page. */
export function pageUrl(path: string, base: URL = NOWHERE): URL {
  return new URL(base.origin + basePathOf(base) + path);
}

function resolve(
  reference: string,
  page: PageRead,
  { base = NOWHERE, otherOrigins }: NextRule,
): string | GatewayError {
  const [plainPath = ""] = reference.split(/[?#]/, 1);
  const target = upstreamUrl(reference, pageUrl(page.path, base), base.origin, otherOrigins);
  const basePath = basePathOf(base);
  const isInside = target !== null && target.origin === base.origin &&
    `${target.pathname}/`.startsWith(`${basePath}/`);
  if (!isInside) return invalid(page, "leads off its upstream");
  const inner = target.pathname.slice(basePath.length);
  if (hasDotSegment(plainPath) || hasDotSegment(inner)) {
    return invalid(page, 'leads to a path with a segment "." or ".."');
  }
  return inner + target.search;
}

function isCursor(value: unknown): value is string | number | ExactNumber {
  if (typeof value === "string") return value.isWellFormed();
  return typeof value === "number" || value instanceof ExactNumber;
}

/** Sets one query parameter; the others are not re-encoded. */
function withParam(path: string, name: string, value: string): string {
  const [plainPath = "", query = ""] = path.split(/\?(.*)/s);
  const others = query.split("&").filter((pair) =>
    pair !== "" && !new URLSearchParams(pair).has(name)
  );
  const own = `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
  return `${plainPath}?${[...others, own].join("&")}`;
}

function basePathOf({ pathname }: URL): string {
  return pathname.replace(/\/$/, "");
}

function invalid({ number }: PageRead, what: string): GatewayError {
  return new GatewayError("upstream-invalid", `page ${number} ${what}`);
}
