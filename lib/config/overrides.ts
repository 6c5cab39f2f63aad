import { corsSettings } from "./cors.ts";
import type { Reader } from "./reader.ts";
import type { AnyRoute, AnyRouteSettings } from "./route.ts";

/** What routes do unless they say otherwise. */
export interface RouteDefaults
  extends Pick<AnyRouteSettings, "compress" | "cors" | "maxRequestBody"> {
  readonly allow?: AnyRouteSettings["addresses"]["allow"];
  readonly deny: AnyRouteSettings["addresses"]["deny"];
}

/** Returns what a route says in place of the gateway's defaults, and else these. */
export function overrides(
  { compress, cors, maxRequestBody, allow, deny }: AnyRoute,
  defaults: RouteDefaults,
  path: readonly string[],
  reader: Reader,
): Pick<AnyRouteSettings, "compress" | "cors" | "maxRequestBody" | "addresses"> {
  return {
    compress: compress ?? defaults.compress,
    cors: cors === undefined ? defaults.cors : corsSettings(cors, [...path, "cors"], reader),
    maxRequestBody: maxRequestBody ?? defaults.maxRequestBody,
    addresses: { allow: allow ?? defaults.allow, deny: [...defaults.deny, ...deny] },
  };
}
