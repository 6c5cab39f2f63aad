import type { Body } from "./body.ts";

/** Whether a whole body is JSON, or empty. */
export function isJsonBody(body: Body): boolean {
  try {
    body.checkJson();
    return true;
  } catch {
    return false;
  }
}
