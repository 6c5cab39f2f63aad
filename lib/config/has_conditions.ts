import { isRecord } from "../core/is_record.ts";

/** Whether a config that has not been parsed has conditions, whose library must be loaded first. */
export function hasConditions(config: unknown): boolean {
  if (!isRecord(config) || !isRecord(config.routes)) return false;
  return Object.values(config.routes).some((route) => isRecord(route) && "require" in route);
}
