import { Body } from "../core/body.ts";
import { writeJson } from "./write_json.ts";
import type { Reply } from "../core/source.ts";

const ENCODER = new TextEncoder();

/**
 * Creates a reply with `value` as JSON, for function sources. A bigint is written as a number with
 * all its digits.
 *
 * @example
 * ```ts
 * import { json, type Source } from "sluice";
 *
 * const users: Source = async ({ path }) =>
 *   path === "/7" ? json({ id: 7, name: "Ada" }) : json({ error: "not found" }, 404);
 * ```
 *
 * @param status the HTTP status (default 200)
 */
export function json(value: unknown, status: number = 200): Reply {
  return {
    status,
    headers: new Headers({ "content-type": "application/json" }),
    body: Body.of(ENCODER.encode(writeJson(value))),
  };
}
