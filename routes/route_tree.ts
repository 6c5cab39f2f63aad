import { tryDecodeURIComponent } from "hono/utils/url";
import type { RouteMethod } from "../lib/config/route.ts";

/** A route's method and path. */
export interface Routed {
  readonly method: RouteMethod;
  readonly path: string;
}

/** What a path and a method lead to. */
export interface Matched<Value> {
  readonly value: Value;
  /** The path's parameters by name, decoded. */
  readonly params: Readonly<Record<string, string>>;
}

/** The methods that `Allow` lists for an `ANY` route, besides HEAD and OPTIONS. */
const ANY_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

const NO_PARAMS: Readonly<Record<string, string>> = {};

/** A route in the tree. */
interface Entry<Value> {
  readonly method: RouteMethod;
  readonly value: Value;
  /** The names of the parameters, in the order of the path. */
  readonly names: readonly string[];
}

/** What may follow a part of a path. */
interface Node<Value> {
  readonly statics: Map<string, Node<Value>>;
  param: Node<Value> | undefined;
  /** Routes whose path ends here. */
  readonly ends: Entry<Value>[];
  /** Routes that have a wildcard here, which matches any rest, also none. */
  readonly wildcards: Entry<Value>[];
}

/** Called with the routes of each pattern that matches a path; what it returns ends the search. */
type Choose<Value, Chosen> = (
  entries: readonly Entry<Value>[],
  values: readonly string[],
) => Chosen | undefined;

/**
 * Routes as a tree of path segments, in which a lookup takes as long as the path has segments,
 * however many routes there are: for matches, and for the methods of `Allow`.
 *
 * The most specific route wins, whatever the order in which they were added: at each segment the end
 * of a route comes first, then a static segment, a parameter, a wildcard; for the same path, a method
 * comes before `ANY`, which is no route for OPTIONS. `/users/*` also matches `/users`.
 */
export class RouteTree<Value> {
  readonly #root: Node<Value> = createNode();
  /** The methods of all routes. */
  readonly #methods = new Set<RouteMethod>();

  /** Adds a route; of two that match the same requests, the first one wins. */
  add({ method, path }: Routed, value: Value): void {
    this.#methods.add(method);
    const names: string[] = [];
    let node = this.#root;
    let isWildcard = false;
    for (const segment of segmentsOf(path)) {
      if (segment === "*") isWildcard = true;
      else node = childOf(node, segment, names);
    }
    const entries = isWildcard ? node.wildcards : node.ends;
    const entry = { method, value, names };
    const firstAny = method === "ANY" ? -1 : entries.findIndex(({ method }) => method === "ANY");
    entries.splice(firstAny < 0 ? entries.length : firstAny, 0, entry);
  }

  /**
   * Finds the most specific route of a method and a path; undefined if there is none.
   * @param path decoded, except for what would change its segments
   */
  match(method: string, path: string): Matched<Value> | undefined {
    const wanted = method === "HEAD" ? "GET" : method;
    return search<Value, Matched<Value>>(this.#root, path, 1, [], (entries, values) => {
      for (const { method, value, names } of entries) {
        if (method === wanted || (method === "ANY" && wanted !== "OPTIONS")) {
          return { value, params: paramsOf(names, values) };
        }
      }
    });
  }

  /** Whether a route of any method matches a path. */
  has(path: string): boolean {
    return search(this.#root, path, 1, [], () => true) ?? false;
  }

  /** The methods of a path's routes, for `Allow`; none when no route matches the path. */
  allowed(path: string): string[] {
    const methods = new Set<RouteMethod>();
    search<Value, never>(this.#root, path, 1, [], (entries) => {
      for (const { method } of entries) methods.add(method);
      return undefined;
    });
    return allowOf(methods);
  }

  /** The methods of all routes, for `Allow`. */
  allMethods(): string[] {
    return allowOf(this.#methods);
  }
}

/**
 * Searches the patterns that match the rest of a path, the most specific first.
 * @param start where the next segment begins; after the path's end if there is none
 */
function search<Value, Chosen>(
  node: Node<Value>,
  path: string,
  start: number,
  values: string[],
  choose: Choose<Value, Chosen>,
): Chosen | undefined {
  let chosen: Chosen | undefined;
  if (start > path.length) {
    if (node.ends.length > 0) chosen = choose(node.ends, values);
  } else {
    const slash = path.indexOf("/", start);
    const end = slash < 0 ? path.length : slash;
    const segment = path.slice(start, end);
    const next = node.statics.get(segment);
    if (next) chosen = search(next, path, end + 1, values, choose);
    if (chosen === undefined && node.param && segment !== "") {
      values.push(segment);
      chosen = search(node.param, path, end + 1, values, choose);
      values.pop();
    }
  }
  if (chosen === undefined && node.wildcards.length > 0) chosen = choose(node.wildcards, values);
  return chosen;
}

function createNode<Value>(): Node<Value> {
  return { statics: new Map(), param: undefined, ends: [], wildcards: [] };
}

function childOf<Value>(node: Node<Value>, segment: string, names: string[]): Node<Value> {
  if (segment.startsWith(":")) {
    names.push(segment.slice(1));
    return node.param ??= createNode();
  }
  const child = node.statics.get(segment) ?? createNode<Value>();
  node.statics.set(segment, child);
  return child;
}

/** The segments after the first slash. */
function segmentsOf(path: string): string[] {
  return path.slice(1).split("/");
}

function paramsOf(
  names: readonly string[],
  values: readonly string[],
): Readonly<Record<string, string>> {
  if (names.length === 0) return NO_PARAMS;
  const params: Record<string, string> = {};
  for (let index = 0; index < names.length; index++) {
    const value = values[index] ?? "";
    params[names[index] ?? ""] = value.includes("%") ? tryDecodeURIComponent(value) : value;
  }
  return params;
}

function allowOf(methods: ReadonlySet<RouteMethod>): string[] {
  if (methods.size === 0) return [];
  const allowed = new Set(
    [...methods].flatMap((method) => method === "ANY" ? ANY_METHODS : [method]),
  );
  return [...new Set([...allowed, ...allowed.has("GET") ? ["HEAD"] : [], "OPTIONS"])];
}
