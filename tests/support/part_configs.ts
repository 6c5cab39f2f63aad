import { assertThrows } from "@std/assert";
import { ConfigError } from "../../lib/config/config_error.ts";
import { parseConfig } from "../../lib/config/parse.ts";

/** An upstream like any other. */
export const UP = { url: "http://127.0.0.1:9001" };

/** A config of one upstream, `up`. */
export function configOf(routes: unknown, upstream: unknown = UP): unknown {
  return { upstreams: { up: upstream }, routes };
}

/** All that is wrong with a config. */
export function problemsOf(input: unknown): string {
  return assertThrows(() => parseConfig(input, () => undefined), ConfigError).message;
}

/** One that gathers these parts. */
export const gatherOf = (gather: unknown, more = {}) =>
  configOf({ "GET /:id": { gather, ...more } });
/** One with the part `b`, which is asked for each item of what `a` answers. */
export const itemOf = (part: unknown) =>
  gatherOf({
    a: { from: "up" },
    b: { from: "up", path: "/{item}", each: "{a.ids}", ...Object(part) },
  });
/** One whose upstream says this too. */
export const upstreamOf = (keys: unknown) =>
  configOf({ "GET /": { forward: "up" } }, { ...UP, ...Object(keys) });

/** Where the part `a` stands. */
export const A = 'routes["GET /:id"].gather.a';
/** The rule of what is counted. */
export const ATTEMPTS = "must be a whole number of at least 1";
