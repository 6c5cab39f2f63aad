import { Body } from "../core/body.ts";
import { writeJson } from "./write_json.ts";
import type { Reply } from "../core/source.ts";

const ENCODER = new TextEncoder();

/**
 * A reply that carries `value` as JSON, for function sources. A bigint is a number with all its
 * digits.
 * @param status the HTTP status (default 200)
 */
export function json(value: unknown, status: number = 200): Reply {
  return {
    status,
    headers: new Headers({ "content-type": "application/json" }),
    body: Body.of(ENCODER.encode(writeJson(value))),
  };
}
