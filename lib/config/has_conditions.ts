import { isRecord } from "../core/is_record.ts";

/** Whether a config that has not been parsed has conditions, whose library must be loaded first. */
export function hasConditions(config: unknown): boolean {
  if (!isRecord(config) || !isRecord(config.routes)) return false;
  return Object.values(config.routes).some((route) =>
    isRecord(route) && ("require" in route || hasWhen(route.gather) || hasWhen(route.first))
  );
}

function hasWhen(parts: unknown): boolean {
  return isRecord(parts) &&
    Object.values(parts).some((part) => isRecord(part) && "when" in part);
}
