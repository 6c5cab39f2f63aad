import type * as v from "valibot";
import type { TemplateName } from "../template/reference.ts";
import type { HeaderRules } from "../template/change_headers.ts";
import { ruleNames } from "./header_rules.ts";
import type { Reader } from "./reader.ts";
import type { forwardSchema } from "./route.ts";
import type { RoutePattern } from "./route_key.ts";
import { suggest } from "./suggest.ts";
import type { UpstreamSettings } from "./upstream.ts";

/** The route whose forward it is. */
interface Place {
  readonly pattern: RoutePattern;
  readonly path: readonly string[];
  readonly hasClaims: boolean;
  readonly hasClients: boolean;
}

/** The rules for headers of the route itself. */
interface OwnRules {
  readonly request: HeaderRules | undefined;
  readonly response: HeaderRules | undefined;
}

/** Reports what a forward's templates cannot refer to, and keys that do not go with others. */
export function checkForward(
  { forward, auth }: v.InferOutput<typeof forwardSchema>,
  upstream: UpstreamSettings | undefined,
  { request, response }: OwnRules,
  place: Place,
  reader: Reader,
): void {
  const { path, strip = "", websocket, passClientKey, passCredentials } = forward;
  const { pattern } = place;
  const report = (key: string, rule: string, got?: unknown) =>
    reader.report([...place.path, key], rule, got);
  if (upstream && "worker" in upstream) {
    reader.report(place.path, "must not be a worker, which only parts can call", forward.to);
  }
  const fixed = pattern.path.split(/[:*]/, 1)[0] ?? "";
  if (strip !== "" && !`${fixed}/`.startsWith(`${strip.replace(/\/$/, "")}/`)) {
    report("strip", "must be a prefix of the route's path", strip);
  }
  if (passClientKey && !place.hasClients) {
    report("passClientKey", "must only be set together with clients");
  }
  if (passCredentials && auth === undefined) {
    report("passCredentials", "must only be set together with auth");
  }
  if (path && strip !== "") report("path", "must not be set together with strip");
  if (path?.after && !pattern.path.endsWith("*")) {
    report("path", '"{rest}" must only be used in a route whose path ends with *');
  }
  const names: [key: string, names: readonly TemplateName[]][] = [
    ["path", [...path?.before.names ?? [], ...path?.after?.names ?? []]],
    ["request", request ? ruleNames(request) : []],
    ["response", response ? ruleNames(response) : []],
  ];
  for (const [key, used] of names) {
    for (const name of used) checkName(name, [...place.path, key], place, reader);
  }
  if (websocket === undefined) return;
  if (pattern.method !== "GET" && pattern.method !== "ANY") {
    report("websocket", "must only be set on a route for GET, the method of WebSocket connections");
  }
  if (upstream && !("base" in upstream && upstream.transport === "socket")) {
    const rule = 'must only be set for an upstream with a url, and not with transport: "fetch"';
    report("websocket", rule);
  }
}

function checkName(
  { name, reference }: TemplateName,
  path: readonly string[],
  { pattern, hasClaims }: Place,
  reader: Reader,
): void {
  switch (reference.from) {
    case "query":
    case "header":
      return;
    case "claims":
      if (!hasClaims) {
        reader.report(path, `"{${name}}" must only be used together with an auth that has claims`);
      }
      return;
    case "param or part": {
      if (reference.path.length === 0 && pattern.params.includes(reference.name)) return;
      const hint = suggest(reference.name, pattern.params);
      reader.report(path, `"{${name}}" must be a parameter of ${pattern.path}`, undefined, hint);
      return;
    }
    case "body":
    case "item":
      reader.report(path, `"{${name}}" must be a parameter, or of query, header or claims`);
  }
}
