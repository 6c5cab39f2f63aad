import { isReservedPath } from "../http/reserved_path.ts";
import { isIdentifier, RESERVED } from "../template/reference.ts";
import type { RouteMethod } from "./route.ts";

/** A parsed route key: `GET /users/:id`. */
export interface RoutePattern {
  readonly method: RouteMethod;
  readonly path: string;
  /** The names of the parameters in the path. */
  readonly params: readonly string[];
}

const KEY = /^([A-Z]+) (\/\S*)$/;
const METHODS: readonly RouteMethod[] = [
  "GET",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "QUERY",
  "OPTIONS",
  "ANY",
];
const STATIC_SEGMENT = /^[A-Za-z0-9._~!$&'()+,;=@-]*$/;

/** Parses a route's key; returns the rule that it breaks, as a text, if it is invalid. */
export function parseRouteKey(key: string): RoutePattern | string {
  const [, word = "", path = ""] = KEY.exec(key) ?? [];
  if (path === "") return 'must be a method and a path, such as "GET /users/:id"';
  const method = METHODS.find((method) => method === word);
  if (method === undefined) {
    if (word === "HEAD") return "must not be HEAD, which the GET route handles";
    return `must start with one of ${METHODS.join(", ")}`;
  }
  if (isReservedPath(path)) {
    return "must not start with /_gateway/, which is reserved";
  }
  const segments = path.slice(1).split("/");
  const params: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const rule = segmentRule(segment, index === segments.length - 1);
    if (rule !== undefined) return rule;
    if (!segment.startsWith(":")) continue;
    if (params.includes(segment.slice(1))) return `must not use ${segment} twice`;
    params.push(segment.slice(1));
  }
  return { method, path, params };
}

/** Returns the rule that a segment breaks; undefined if it is valid. */
function segmentRule(segment: string, isLast: boolean): string | undefined {
  if (segment === "*") return isLast ? undefined : 'must have "*" only at its end';
  if (segment.startsWith(":")) {
    const name = segment.slice(1);
    if (!isIdentifier(name)) return `"${segment}" must be ":" followed by a name`;
    const isReserved = RESERVED.some((reserved) => reserved === name);
    return isReserved ? `":${name}" must not be a reserved name` : undefined;
  }
  if (segment === "" && !isLast) return "must not have an empty segment";
  if (segment === "." || segment === "..") return 'must not have a segment "." or ".."';
  return STATIC_SEGMENT.test(segment)
    ? undefined
    : `"${segment}" must have only letters, digits and ._~!$&'()+,;=@-`;
}
