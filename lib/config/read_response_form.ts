import type { PartHeader, ResponseForm } from "../gather/response_form.ts";
import type { Template } from "../template/template.ts";
import { isParam } from "./is_param.ts";
import type { PartSettings } from "./part.ts";
import type { Reader } from "./reader.ts";
import type { RoutePattern } from "./route_key.ts";
import { suggest } from "./suggest.ts";

/** A route as far as it concerns the form of its response. */
interface Read {
  readonly answer?: Template<unknown> | undefined;
  readonly merge?: "shallow" | "deep" | undefined;
  readonly problemsIn?: string | undefined;
  readonly status?: string | undefined;
  readonly quorum?: number | undefined;
  readonly cache?: unknown;
  readonly headers: Readonly<Record<string, { readonly part: string; readonly from: string }>>;
}

/** Reads the form of a route's response; undefined for the envelope. Reports every problem. */
export function readResponseForm(
  read: Read,
  { pattern, parts, hasClaims, path }: {
    readonly pattern: RoutePattern;
    readonly parts: readonly PartSettings[];
    readonly hasClaims: boolean;
    readonly path: readonly string[];
  },
  reader: Reader,
): ResponseForm | undefined {
  const { answer, merge, problemsIn, status } = read;
  const names = parts.map(({ name }) => name);
  const knows = (part: string, at: readonly string[], known: readonly string[] = names) => {
    if (known.includes(part)) return;
    reader.report([...path, ...at], "must be the name of a part", part, suggest(part, known));
  };
  if (answer && merge) reader.report([...path, "merge"], "must not be set together with answer");
  if (problemsIn !== undefined && !answer && !merge) {
    reader.report([...path, "problemsIn"], "must only be set together with answer or merge");
  }
  if (merge && problemsIn !== undefined && names.includes(problemsIn)) {
    reader.report([...path, "problemsIn"], "must not be the name of a part", problemsIn);
  }
  if (merge === "shallow") reportCollisions(parts, path, reader);
  if (status !== undefined) knows(status, ["status"]);
  const headers: PartHeader[] = Object.entries(read.headers).map(([name, { part, from }]) => {
    knows(part, ["headers", name]);
    return { name: name.toLowerCase(), part, from };
  });
  for (const { name, reference } of answer?.names ?? []) {
    if (reference.from === "item") {
      reader.report([...path, "answer"], `"{${name}}" must not be used here: there is no item`);
    }
    if (reference.from === "claims" && !hasClaims) {
      const rule = `"{${name}}" must only be used together with an auth that has claims`;
      reader.report([...path, "answer"], rule);
    }
    if (read.cache && (reference.from === "header" || reference.from === "claims")) {
      const rule = `must not be set together with "{${name}}" in answer, which differs by client`;
      reader.report([...path, "cache"], rule);
    }
    if (reference.from !== "param or part" || isParam(reference, pattern)) continue;
    knows(reference.name, ["answer"], [...pattern.params, ...names]);
  }
  if (!answer && !merge && status === undefined && headers.length === 0) return undefined;
  if (read.quorum !== undefined) {
    const rule = "must not be set together with answer, merge, status or headers";
    reader.report([...path, "quorum"], rule, read.quorum);
  }
  return { answer, merge, problemsIn, status, headers };
}

/** Reports members of the root that two parts have, as far as `pick` says which they have. */
function reportCollisions(
  parts: readonly PartSettings[],
  path: readonly string[],
  reader: Reader,
): void {
  const owners = new Map<string, string>();
  for (const { name: part, pick = [], rename, map, each, isHidden } of parts) {
    if (isHidden || rename || map || each) continue;
    for (const { name: { name } } of pick) {
      const owner = owners.get(name);
      owners.set(name, part);
      if (owner === undefined) continue;
      const rule = `must not be shallow: ${owner} and ${part} both have the member ${name}`;
      reader.report([...path, "merge"], rule);
    }
  }
}
