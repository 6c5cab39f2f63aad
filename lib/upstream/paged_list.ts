import type { PartSettings } from "../config/part.ts";
import type { PagedList } from "../gather/gather_part.ts";
import { shape } from "../policies/shape.ts";

/** How a part fetches pages, and how the list is shaped; undefined if it does not. */
export function pagedList(
  { pages, pick, rename, map, isExact }: PartSettings,
): PagedList | undefined {
  return pages && { walk: pages, pick, rename, shape: map && shape({ map, isExact }) };
}
