import type { TemplateName } from "../template/reference.ts";
import type { ForwardPath } from "./forward_path.ts";
import { type HeaderRules, ruleNames } from "./header_rules.ts";
import type { Reader } from "./reader.ts";
import type { RoutePattern } from "./route_key.ts";
import { suggest } from "./suggest.ts";

/** What a forward changes on the way. */
interface Changes {
  readonly path: ForwardPath | undefined;
  readonly strip: string;
  readonly request: HeaderRules | undefined;
  readonly response: HeaderRules | undefined;
}

/** The route whose forward it is. */
interface Place {
  readonly pattern: RoutePattern;
  readonly path: readonly string[];
  readonly hasClaims: boolean;
}

/** Reports what a forward's templates cannot refer to, and keys that exclude each other. */
export function checkForward(changes: Changes, place: Place, reader: Reader): void {
  const { path, strip, request, response } = changes;
  const at = (key: string) => [...place.path, key];
  if (path && strip !== "") reader.report(at("path"), "must not be set together with strip");
  if (path?.after && !place.pattern.path.endsWith("*")) {
    reader.report(at("path"), '"{rest}" must only be used in a route whose path ends with *');
  }
  const names: [key: string, names: readonly TemplateName[]][] = [
    ["path", [...path?.before.names ?? [], ...path?.after?.names ?? []]],
    ["request", request ? ruleNames(request) : []],
    ["response", response ? ruleNames(response) : []],
  ];
  for (const [key, used] of names) {
    for (const name of used) checkName(name, at(key), place, reader);
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
