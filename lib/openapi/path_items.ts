import type { RouteSettings } from "../config/route.ts";
import type { DocObject, OperationMethod } from "./document.ts";

/** A route as an operation of a path. */
export interface PlacedOperation {
  readonly route: RouteSettings;
  readonly method: OperationMethod;
  /** The names of the path's parameters, in its order. */
  readonly params: readonly PathParameter[];
  /** Routes with a wildcard that serve longer paths of the same form. */
  readonly longer: string[];
}

/** A parameter of a path. */
export interface PathParameter {
  readonly name: string;
  /** Whether it stands for the rest of the path. */
  readonly isRest: boolean;
}

/** A path, and its operations by method. */
interface PathItem {
  readonly template: string;
  readonly params: readonly PathParameter[];
  readonly operations: Map<OperationMethod, PlacedOperation>;
}

const METHODS: readonly OperationMethod[] = ["get", "post", "put", "patch", "delete"];

/** A path that a route serves. */
interface Place {
  readonly route: RouteSettings;
  readonly template: string;
  readonly params: readonly PathParameter[];
  /** Places with a lower one serve requests that several match. */
  readonly rank: number;
}

/**
 * Places routes in paths. OpenAPI 3.1 knows neither methods for all, nor wildcards, nor two paths that
 * differ only in the names of their parameters:
 *
 * - `ANY` is each method that no other route of the path has.
 * - `/files/*` is `/files` and `/files/{rest}`. Where a route such as `/files/:id` has the same form
 *   and method, it wins, as it does for requests; the wildcard is then named in its operation.
 * - `QUERY` has no place before OpenAPI 3.2, and is left out.
 * - Of `GET /users/:id` and `PUT /users/:name`, the first gives the parameter its name.
 */
export function placeRoutes(
  routes: readonly RouteSettings[],
): { readonly template: string; readonly operations: readonly PlacedOperation[] }[] {
  const items = new Map<string, PathItem>();
  const described = routes.filter(({ method }) => method !== "OPTIONS" && method !== "QUERY");
  for (const place of described.flatMap(placesOf).sort((a, b) => a.rank - b.rank)) {
    add(place, items);
  }
  return [...items.values()].map(({ template, operations }) => ({
    template,
    operations: METHODS.flatMap((method) => operations.get(method) ?? []),
  }));
}

/** Returns the parameters of an operation's path. */
export function pathParameters({ params }: PlacedOperation): DocObject[] {
  return params.map(({ name, isRest }) => ({
    name,
    in: "path",
    required: true,
    ...(isRest && { description: "The rest of the path: one or more segments." }),
    schema: { type: "string" },
  }));
}

function placesOf(route: RouteSettings): Place[] {
  const rank = route.method === "ANY" ? 1 : 0;
  if (!isWildcard(route)) return [placeOf(route, route.path, rank)];
  return [
    placeOf(route, route.path.slice(0, -"/*".length) || "/", rank + 2),
    placeOf(route, route.path, rank + 4),
  ];
}

function placeOf(route: RouteSettings, path: string, rank: number): Place {
  const params: PathParameter[] = [];
  const segments = path.split("/").map((segment) => {
    const isRest = segment === "*";
    if (!isRest && !segment.startsWith(":")) return segment;
    const name = isRest ? restName(params) : segment.slice(1);
    params.push({ name, isRest });
    return `{${name}}`;
  });
  return { route, template: segments.join("/"), params, rank };
}

function add({ route, template, params: own }: Place, items: Map<string, PathItem>): void {
  const form = template.replaceAll(/\{[^}]*\}/g, "{}");
  const item = items.get(form) ?? { template, params: own, operations: new Map() };
  items.set(form, item);
  const { operations } = item;
  const params = own.map(({ isRest }, index) => ({ name: item.params[index]?.name ?? "", isRest }));
  const isRest = own.at(-1)?.isRest ?? false;
  for (const method of METHODS) {
    if (route.method !== "ANY" && route.method.toLowerCase() !== method) continue;
    const other = operations.get(method);
    if (other === undefined) operations.set(method, { route, method, params, longer: [] });
    else if (isRest && !other.params.at(-1)?.isRest) other.longer.push(route.key);
  }
}

function restName(params: readonly PathParameter[]): string {
  let name = "rest";
  while (params.some((param) => param.name === name)) name += "_";
  return name;
}

function isWildcard({ path }: RouteSettings): boolean {
  return path.endsWith("/*");
}
