import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseConfig } from "../../../lib/config/parse.ts";
import { ConfigError } from "../../../lib/config/config_error.ts";
import { assertSchemaRejects } from "../../support/config_schema.ts";

const config = (breaker: unknown) => ({
  upstreams: { up: { url: "http://127.0.0.1:9001", breaker } },
  routes: {},
});
const breakerOf = (breaker: unknown) =>
  parseConfig(config(breaker), () => undefined).upstreams[0]?.breaker;

Deno.test("breaker: {} has the defaults", () => {
  assertEquals(breakerOf({}), {
    windowMs: 10_000,
    minCalls: 20,
    failureRate: 0.5,
    slowAfterMs: 2_000,
    slowRate: 0.8,
    openForMs: 10_000,
    probes: 2,
  });
  assertEquals(breakerOf(undefined), undefined);
});

Deno.test("each key of a breaker", () => {
  const breaker = {
    window: "30s",
    minCalls: 5,
    failureRate: 0.25,
    slowAfter: "300ms",
    slowRate: 1,
    openFor: "5s",
    probes: 4,
  };
  assertEquals(breakerOf(breaker), {
    windowMs: 30_000,
    minCalls: 5,
    failureRate: 0.25,
    slowAfterMs: 300,
    slowRate: 1,
    openForMs: 5_000,
    probes: 4,
  });
});

const UP = "upstreams.up.breaker";
const COUNT = "must be a whole number of at least 1";
const RATE = "must be a number above 0, up to 1";
const RULES: readonly (readonly [breaker: unknown, problem: string])[] = [
  [true, `${UP}: must be an object; got true`],
  [{ failureRate: 0 }, `${UP}.failureRate: ${RATE}; got 0`],
  [{ failureRate: "50%" }, `${UP}.failureRate: ${RATE}; got "50%"`],
  [{ slowRate: 1.5 }, `${UP}.slowRate: ${RATE}; got 1.5`],
  [{ minCalls: 0 }, `${UP}.minCalls: ${COUNT}; got 0`],
  [{ probes: 1.5 }, `${UP}.probes: ${COUNT}; got 1.5`],
  [{ openFor: 5 }, `${UP}.openFor: must be a duration such as 400ms or 2s; got 5`],
  [{ windw: "5s" }, `${UP}.windw: is not a known key; did you mean "window"?`],
];
for (const [breaker, problem] of RULES) {
  Deno.test(`config rule: ${problem}`, () => {
    const { message } = assertThrows(() => breakerOf(breaker), ConfigError);
    assertStringIncludes(message, problem);
    assertSchemaRejects(config(breaker), problem);
  });
}
