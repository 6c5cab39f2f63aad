import type { Reference } from "../template/reference.ts";
import type { RoutePattern } from "./route_key.ts";

/** Whether a reference is to a parameter of the route, and not to a part. */
export function isParam(
  { name, path }: Reference & { from: "param or part" },
  { params }: RoutePattern,
): boolean {
  return path.length === 0 && params.includes(name);
}
