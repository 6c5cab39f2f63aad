import type { PathTemplate, Template } from "../template/template.ts";

const START = "/?";

/**
 * Encodes a worker's input as the path of a GET. The call is then fully described by its path, so
 * that retry, coalescing and the cache treat a worker like any upstream.
 * @param input undefined for null
 */
export function inputPath(input: Template<unknown> | undefined): PathTemplate {
  return {
    names: input?.names ?? [],
    required: [],
    passesQuery: false,
    params: [],
    expand: (inputs) => START + encodeURIComponent(JSON.stringify(input?.expand(inputs)) ?? "null"),
  };
}

/** Decodes the JSON that {@linkcode inputPath} encoded. */
export function inputOf(path: string): string {
  return decodeURIComponent(path.slice(START.length));
}
