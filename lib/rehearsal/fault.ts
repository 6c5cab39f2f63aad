import { abortable } from "@std/async";
import * as v from "valibot";
import { parseDuration } from "../config/units.ts";
import type { Clock } from "../core/clock.ts";
import type { Policy, Source } from "../core/source.ts";
import { upstreamFailure, UpstreamFault } from "../core/upstream_fault.ts";
import { json } from "../json/json_reply.ts";

const FAULT_RULE =
  'a fault must be "timeout", "unreachable", "invalid", {"status": 503} or {"delay": "300ms"}';
const STATUS_RULE = "status must be a whole number from 200 to 599";
const DELAY_RULE = "delay must be a duration such as 300ms or 2s";

/** The schema of a fault. */
export const faultSchema = v.union([
  v.picklist(["timeout", "unreachable", "invalid"]),
  v.strictObject({
    status: v.pipe(
      v.number(),
      v.check((status) => Number.isInteger(status) && status >= 200 && status <= 599, STATUS_RULE),
    ),
  }),
  v.strictObject({
    delay: v.pipe(v.string(), v.check((text) => parseDuration(text) !== undefined, DELAY_RULE)),
  }),
], ({ input }) => {
  if (typeof input !== "object" || input === null) return FAULT_RULE;
  return "status" in input ? STATUS_RULE : "delay" in input ? DELAY_RULE : FAULT_RULE;
});

/**
 * What happens to a call: no response, no connection, a malformed response, a status, or a delay
 * before the real call.
 */
export type Fault = v.InferOutput<typeof faultSchema>;

/** Makes every call fail as the fault says; only after a delay is the real source called. */
export function inject(fault: Fault, clock: Clock): Policy {
  return (next) => {
    if (fault === "timeout") {
      return (_call, { signal }) => abortable(new Promise<never>(() => {}), signal);
    }
    if (fault === "unreachable") return failing("refused");
    if (fault === "invalid") return failing("malformed");
    if ("status" in fault) return () => Promise.resolve(json({}, fault.status));
    const delayMs = parseDuration(fault.delay) ?? 0;
    return async (call, ctx) => {
      await clock.sleep(delayMs, ctx.signal);
      return await next(call, ctx);
    };
  };
}

/** Returns the fault as the operator wrote it: `timeout`, `status 503`, `delay 300ms`. */
export function faultName(fault: Fault): string {
  if (typeof fault === "string") return fault;
  return "status" in fault ? `status ${fault.status}` : `delay ${fault.delay}`;
}

function failing(reason: "refused" | "malformed"): Source {
  return () => Promise.reject(upstreamFailure(new UpstreamFault(reason, "rehearsed")));
}
