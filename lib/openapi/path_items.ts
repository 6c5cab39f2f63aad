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

/**
 * Places routes in paths. OpenAPI knows neither methods for all, nor wildcards, nor two paths that
 * differ only in the names of their parameters:
 *
 * - `ANY` is each method that no other route of the path has.
 * - `/files/*` is `/files/{rest}`. Where a route such as `/files/:id` has the same form and method,
 *   it wins, as it does for requests; the wildcard is then named in its operation.
 * - Of `GET /users/:id` and `PUT /users/:name`, the first gives the parameter its name.
 */
export function placeRoutes(
  routes: readonly RouteSettings[],
): { readonly template: string; readonly operations: readonly PlacedOperation[] }[] {
  const items = new Map<string, PathItem>();
  for (const route of routes.toSorted((a, b) => generality(a) - generality(b))) place(route, items);
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
    ...(isRest && { description: "The rest of the path: any number of segments, also none." }),
    schema: { type: "string" },
  }));
}

function place(route: RouteSettings, items: Map<string, PathItem>): void {
  const item = itemOf(route);
  const form = item.template.replaceAll(/\{[^}]*\}/g, "{}");
  const known = items.get(form) ?? item;
  items.set(form, known);
  const { operations } = known;
  const params = item.params.map(({ isRest }, index) => (
    { name: known.params[index]?.name ?? "", isRest }
  ));
  for (const method of METHODS) {
    if (route.method !== "ANY" && route.method.toLowerCase() !== method) continue;
    const other = operations.get(method);
    if (other === undefined) operations.set(method, { route, method, params, longer: [] });
    else if (isWildcard(route) && !isWildcard(other.route)) other.longer.push(route.key);
  }
}

function itemOf({ path }: RouteSettings): PathItem {
  const params: PathParameter[] = [];
  const segments = path.split("/").map((segment) => {
    const isRest = segment === "*";
    if (!isRest && !segment.startsWith(":")) return segment;
    const name = isRest ? restName(params) : segment.slice(1);
    params.push({ name, isRest });
    return `{${name}}`;
  });
  return { template: segments.join("/"), params, operations: new Map() };
}

function restName(params: readonly PathParameter[]): string {
  let name = "rest";
  while (params.some((param) => param.name === name)) name += "_";
  return name;
}

/** The more specific route comes first, as it does for requests. */
function generality(route: RouteSettings): number {
  return (isWildcard(route) ? 2 : 0) + (route.method === "ANY" ? 1 : 0);
}

function isWildcard({ path }: RouteSettings): boolean {
  return path.endsWith("*");
}
