import type { PathTemplate, Template } from "../template/template.ts";

const START = "/?";

/**
 * A worker's input as the path of a GET. What is asked stands in the path alone then, so that
 * retry, coalescing and the cache do with a worker as with any upstream.
 * @param input undefined for null
 */
export function inputPath(input: Template<unknown> | undefined): PathTemplate {
  return {
    names: input?.names ?? [],
    passesQuery: false,
    params: [],
    expand: (inputs) => START + encodeURIComponent(JSON.stringify(input?.expand(inputs)) ?? "null"),
  };
}

/** The JSON that {@linkcode inputPath} made a path of. */
export function inputOf(path: string): string {
  return decodeURIComponent(path.slice(START.length));
}
