import * as v from "valibot";
import { isRecord } from "../core/is_record.ts";
import { choice, value } from "./facts.ts";
import { list, object } from "./object.ts";
import type { Reader } from "./reader.ts";
import { count, duration, type Environment, fixedPath, fromText, textOrEnv } from "./values.ts";

/** The base URL of an HTTP API. */
export const upstreamUrl = (env: Environment) =>
  value(
    "URL",
    textOrEnv({ pattern: "^[hH][tT][tT][pP][sS]?://[^?#@]+$" }),
    fromText(
      env,
      (text) => {
        const url = URL.parse(text);
        const rule = urlRule(url);
        return url && rule === undefined ? { value: url } : { rule: rule ?? "" };
      },
      (text) => text.includes("@"),
    ),
  );

function urlRule(url: URL | null): string | undefined {
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return "must be an http:// or https:// URL";
  }
  if (url.username !== "" || url.password !== "") {
    return "must not have a user or a password; set headers.authorization instead";
  }
  if (url.search !== "" || url.hash !== "") return "must not have a query or a fragment";
}

const targetSchema = (env: Environment) =>
  object({
    /** Base URL of the target. */
    url: upstreamUrl(env),
    /** Share of the calls, relative to the other targets. */
    weight: v.optional(count, 1),
  });

const anyTarget = (env: Environment) => {
  const plain = v.pipe(upstreamUrl(env), v.transform((url) => ({ url, weight: 1 })));
  const weighted = targetSchema(env);
  return choice(
    v.lazy((input) => isRecord(input) && "url" in input ? weighted : plain),
    upstreamUrl(env),
    weighted,
  );
};

/** The targets of an upstream. */
export const upstreamUrls = (env: Environment) =>
  list(anyTarget(env), "must be a list of at least one URL", 1);

/** Active health checks. */
export const healthSchema = object({
  /** Path that is requested of each target, below its base URL; a 2xx response passes. */
  path: fixedPath,
  /** Interval between two checks, varied at random by up to a tenth. */
  every: v.optional(duration, "5s"),
  /** Time limit for one check. */
  timeout: v.optional(duration, "1s"),
  /** Failed checks in a row after which a target gets no calls. */
  unhealthyAfter: v.optional(count, 3),
  /** Passed checks in a row after which it gets calls again. */
  healthyAfter: v.optional(count, 2),
});

/** @internal */
export type HealthKeys = v.InferInput<typeof healthSchema>;
/** Active health checks of an upstream's targets. */
export type HealthConfig = HealthKeys;

/** A configured target. */
export interface TargetSettings {
  readonly base: URL;
  readonly weight: number;
}

/** How targets are checked. */
export interface HealthSettings {
  readonly path: string;
  readonly everyMs: number;
  readonly timeoutMs: number;
  readonly unhealthyAfter: number;
  readonly healthyAfter: number;
}

/** Where an HTTP API is. */
export interface TargetsSettings {
  /** The first target's URL; it identifies the upstream in cache keys, whatever the others are. */
  readonly base: URL;
  /** At least one, each with the same scheme and base path. */
  readonly targets: readonly TargetSettings[];
  /** The origins of the targets but the first. */
  readonly otherOrigins: readonly string[];
  readonly health: HealthSettings | undefined;
}

interface ReadTargets {
  readonly url?: URL | undefined;
  readonly urls?: readonly { readonly url: URL; readonly weight: number }[] | undefined;
  readonly health?: v.InferOutput<typeof healthSchema> | undefined;
}

/** Converts `url`, `urls` and `health` to settings; undefined, with every problem reported. */
export function readTargets(
  { url, urls, health }: ReadTargets,
  path: readonly string[],
  reader: Reader,
): TargetsSettings | undefined {
  if (url && urls) return reader.report([...path, "urls"], "must not be set together with url");
  const targets = urls?.map(({ url, weight }) => ({ base: url, weight })) ??
    (url ? [{ base: url, weight: 1 }] : []);
  const [first] = targets;
  if (first === undefined) return reader.report([...path, "url"], "is required");
  const { base } = first;
  for (const [index, { base: other }] of targets.entries()) {
    const place = [...path, "urls", String(index)];
    if (other.protocol !== base.protocol || other.pathname !== base.pathname) {
      reader.report(place, "must have the same scheme and path as the first URL");
    } else if (targets.findIndex(({ base }) => base.href === other.href) < index) {
      reader.report(place, "must not name a target twice; set weight instead");
    }
  }
  return {
    base,
    targets,
    otherOrigins: targets.slice(1).map(({ base }) => base.origin),
    health: health && {
      path: health.path,
      everyMs: health.every,
      timeoutMs: health.timeout,
      unhealthyAfter: health.unhealthyAfter,
      healthyAfter: health.healthyAfter,
    },
  };
}
