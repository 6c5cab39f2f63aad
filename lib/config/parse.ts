import * as v from "valibot";
import type { TemplateName } from "../template.ts";
import { DEFAULTS } from "./defaults.ts";
import { ConfigError, type ConfigProblem } from "./problem.ts";
import { isIdentifier, RESERVED } from "../reference.ts";
import { parseRouteKey, type RoutePattern } from "./route_key.ts";
import {
  type Environment,
  forwardSchema,
  functionUpstreamSchema,
  gatewaySchema,
  gatherSchema,
  httpUpstreamSchema,
  isRecord,
  knownClientSchema,
  limitSchema,
  partSchema,
  unset,
} from "./schema.ts";
import { bucketShape } from "../limiter/bucket.ts";
import type { Limit } from "../limiter/limit.ts";
import type { Rate } from "./rates.ts";
import type {
  KnownKey,
  LimitSettings,
  PartSettings,
  RouteSettings,
  Settings,
  UpstreamSettings,
} from "./settings.ts";
import { suggest } from "./suggest.ts";

/**
 * Reads a config, whatever it came from.
 * @param env looks an environment variable up
 * @throws {ConfigError} with everything that is wrong, not the first thing alone
 */
export function parseConfig(input: unknown, env: Environment): Settings {
  return new Parser(env).parse(input);
}

class Parser {
  readonly #env: Environment;
  readonly #problems: ConfigProblem[] = [];
  /** By name; undefined for one that is there but wrong. */
  readonly #upstreams = new Map<string, UpstreamSettings | undefined>();
  readonly #limits = new Map<string, LimitSettings | undefined>();

  constructor(env: Environment) {
    this.#env = env;
  }

  parse(input: unknown): Settings {
    const top = this.#read(gatewaySchema, input, []);
    const { upstreams, routes } = isRecord(input) ? input : {};
    for (const [name, upstream] of entries(upstreams)) {
      this.#upstreams.set(name, this.#upstream(name, upstream));
    }
    this.#readLimits(isRecord(input) ? input.limits : undefined);
    const read = this.#routes(entries(routes));
    const clients = top?.clients && {
      ...top.clients,
      known: this.#known(top.clients.known),
      required: top.clients.required ?? false,
    };
    if (top?.cors?.credentials && top.cors.origins.includes("*")) {
      this.#report(["cors", "credentials"], 'must not be true while origins has "*"');
    }
    if (!top || this.#problems.length > 0) throw new ConfigError(this.#problems);
    return {
      store: top.store,
      cors: top.cors && { ...top.cors, credentials: top.cors.credentials ?? false },
      clients,
      trust: {
        proxies: top.trustedProxies,
        header: top.forwardedHeader ?? DEFAULTS.forwardedHeader,
      },
      maxRequestBody: top.maxRequestBody ?? DEFAULTS.maxRequestBody,
      upstreams: [...this.#upstreams.values()].filter((upstream) => upstream !== undefined),
      routes: read,
    };
  }

  #upstream(name: string, input: unknown): UpstreamSettings | undefined {
    const path = ["upstreams", name];
    if (!isName(name)) this.#report(path, NAME_RULE);
    if (isRecord(input) && "source" in input) {
      const read = this.#read(functionUpstreamSchema, input, path);
      return read && { name, ...timesAndSizes(read), source: read.source };
    }
    const read = this.#read(httpUpstreamSchema(this.#env), input, path);
    return read && { name, ...timesAndSizes(read), base: read.url, headers: read.headers };
  }

  /** Undefined where records in the store say who is known. */
  #known(input: "kv" | Record<string, unknown>): KnownKey[] | undefined {
    if (input === "kv") return undefined;
    return entries(input).flatMap(([name, client]) => {
      const path = ["clients", "known", name];
      const read = this.#read(knownClientSchema, client, path);
      if (!read) return [];
      const key = this.#env(read.env);
      if (key === undefined) return this.#report(path, unset(read.env)) ?? [];
      return { name, tier: read.tier, key };
    });
  }

  #readLimits(input: unknown): void {
    for (const [name, limit] of entries(input)) {
      const path = ["limits", name];
      if (!isName(name)) this.#report(path, NAME_RULE);
      this.#limits.set(name, this.#limit(name, limit, path));
    }
  }

  #limit(name: string, input: unknown, path: readonly string[]): LimitSettings | undefined {
    const read = this.#read(limitSchema, input, path);
    if (!read) return undefined;
    const { wait = 0, queue = DEFAULTS.queue, onStoreFailure = "local" } = read;
    const allow = ({ rate, burst }: Allowance, path: readonly string[]): Limit | undefined => {
      try {
        const shape = bucketShape(rate.tokens, rate.periodMs, burst);
        return { name, shape, waitMs: wait, queue, onStoreFailure };
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        return this.#report([...path, "burst"], "must fill within a year", burst);
      }
    };
    const allowance = allow(read, path);
    const tiers = new Map<string, Limit>();
    for (const [tier, allowed] of Object.entries(read.tiers)) {
      const limit = allow(allowed, [...path, "tiers", tier]);
      if (limit) tiers.set(tier, limit);
    }
    return allowance && {
      name,
      by: read.by ?? ["client", "ip"],
      allowance,
      tiers,
      perRoute: read.perRoute ?? false,
      refund: new Set(read.refund),
    };
  }

  #routes(inputs: readonly (readonly [string, unknown])[]): RouteSettings[] {
    const shapes = new Map<string, string>();
    return inputs.flatMap(([key, input]) => {
      const path = ["routes", key];
      const pattern = parseRouteKey(key);
      if (typeof pattern === "string") {
        this.#report(path, pattern);
        return [];
      }
      const shape = `${pattern.method} ${pattern.path.replaceAll(/:[^/]+/g, ":")}`;
      const twin = shapes.get(shape);
      if (twin !== undefined) this.#report(path, `must differ from "${twin}" in more than names`);
      shapes.set(shape, key);
      return this.#route(key, pattern, input) ?? [];
    });
  }

  #route(key: string, pattern: RoutePattern, input: unknown): RouteSettings | undefined {
    const path = ["routes", key];
    const isForward = isRecord(input) && "forward" in input;
    if (isRecord(input) && isForward === "gather" in input) {
      return this.#report(path, "must have either gather or forward");
    }
    return isForward ? this.#forward(key, pattern, input) : this.#gather(key, pattern, input);
  }

  #forward(key: string, pattern: RoutePattern, input: unknown): RouteSettings | undefined {
    const path = ["routes", key, "forward"];
    const read = this.#read(forwardSchema, input, ["routes", key]);
    if (!read) return undefined;
    const { to, strip = "" } = read.forward;
    const upstream = this.#find(to, path);
    const fixed = pattern.path.split(/[:*]/, 1)[0] ?? "";
    if (strip !== "" && !`${fixed}/`.startsWith(`${strip.replace(/\/$/, "")}/`)) {
      this.#report([...path, "strip"], `must be how the route's path begins`, strip);
    }
    return upstream && {
      key,
      method: pattern.method,
      path: pattern.path,
      deadlineMs: read.deadline ?? DEFAULTS.deadlineMs,
      limits: this.#limitsOf(read, ["routes", key]),
      cost: read.cost ?? 1,
      to: upstream,
      strip: strip.replace(/\/$/, ""),
    };
  }

  #gather(key: string, pattern: RoutePattern, input: unknown): RouteSettings | undefined {
    const path = ["routes", key];
    const read = this.#read(gatherSchema, input, path);
    if (!read) return undefined;
    const inputs = entries(read.gather);
    if (inputs.length === 0) this.#report([...path, "gather"], "must have at least one part");
    const parts = inputs.flatMap(([name, part]) =>
      this.#part(name, pattern, part, [...path, "gather", name]) ?? []
    );
    return {
      key,
      method: pattern.method,
      path: pattern.path,
      deadlineMs: read.deadline ?? DEFAULTS.deadlineMs,
      limits: this.#limitsOf(read, ["routes", key]),
      cost: read.cost ?? 1,
      parts,
      readsBody: parts.some((part) =>
        namesOf(part).some(({ reference }) => reference.from === "body")
      ),
    };
  }

  #part(
    name: string,
    pattern: RoutePattern,
    input: unknown,
    path: readonly string[],
  ): PartSettings | undefined {
    if (!isIdentifier(name)) this.#report(path, "must be named with letters, digits and _");
    if (RESERVED.some((reserved) => reserved === name) || pattern.params.includes(name)) {
      this.#report(path, "must not be named like a route parameter, query, header, body or item");
    }
    const read = this.#read(partSchema, input, path);
    const from = isRecord(input) ? input.from : undefined;
    const upstream = typeof from === "string" ? this.#find(from, [...path, "from"]) : undefined;
    if (!read) return undefined;
    if (read.body !== undefined && (read.method === "GET" || read.method === "HEAD")) {
      this.#report([...path, "body"], `must not be sent with ${read.method}; set method`);
    }
    if (read.optional === false && read.otherwise !== undefined) {
      this.#report([...path, "otherwise"], "must not stand in for a part that is required");
    }
    this.#checkNames(read, pattern, path);
    return upstream && {
      name,
      upstream,
      method: read.method,
      path: read.path,
      params: read.params,
      headers: read.headers,
      body: read.body,
      timeoutMs: read.timeout ?? upstream.timeoutMs,
      as: read.as ?? "json",
      optional: read.optional ?? read.otherwise !== undefined,
      otherwise: read.otherwise,
    };
  }

  /** A route parameter that a template names must be in the route's path. */
  #checkNames(part: Templates, pattern: RoutePattern, path: readonly string[]): void {
    for (const { name, reference } of namesOf(part)) {
      if (reference.from !== "param" || pattern.params.includes(reference.name)) continue;
      this.#report(
        path,
        `"{${name}}" must name a parameter of ${pattern.path}${suggest(name, pattern.params)}`,
      );
    }
  }

  /** The limits that a route names; each must be able to hold its cost. */
  #limitsOf(
    { limit, cost }: { limit: readonly string[]; cost?: number | undefined },
    path: readonly string[],
  ): LimitSettings[] {
    return limit.flatMap((name, index) => {
      if (limit.indexOf(name) < index) {
        return this.#report([...path, "limit"], "must name each limit once", name) ?? [];
      }
      if (!this.#limits.has(name)) {
        const known = [...this.#limits.keys()];
        this.#report([...path, "limit"], `must name a limit${suggest(name, known)}`, name);
      }
      const settings = this.#limits.get(name);
      if (!settings) return [];
      const allowances = [settings.allowance, ...settings.tiers.values()];
      const smallest = Math.min(...allowances.map(({ shape }) => shape.capacity / shape.perToken));
      if (cost !== undefined && cost > smallest) {
        this.#report([...path, "cost"], `must not exceed the burst of ${name}, ${smallest}`, cost);
      }
      return settings;
    });
  }

  #find(name: string, path: readonly string[]): UpstreamSettings | undefined {
    if (!this.#upstreams.has(name)) {
      const known = [...this.#upstreams.keys()];
      this.#report(path, `must name an upstream${suggest(name, known)}`, name);
    }
    return this.#upstreams.get(name);
  }

  /** The value in its shape; undefined, and every problem reported, when it is not. */
  #read<const Schema extends v.GenericSchema>(
    schema: Schema,
    input: unknown,
    path: readonly string[],
  ): v.InferOutput<Schema> | undefined {
    const result = v.safeParse(schema, input);
    if (result.success) return result.output;
    for (const issue of result.issues) {
      const keys = issue.path?.map(({ key }) => String(key)) ?? [];
      this.#report([...path, ...keys], issue.message, issue.input);
    }
  }

  #report(path: readonly string[], rule: string, got?: unknown): undefined {
    this.#problems.push({ path, rule, got });
  }
}

/** A rate and a burst, as the schema reads them. */
interface Allowance {
  readonly rate: Rate;
  readonly burst: number;
}

const NAME_RULE = "must be named with letters, digits, - and _";

/** An upstream's or a limit's name. */
function isName(name: string): boolean {
  return /^[A-Za-z_][\w-]*$/.test(name);
}

function timesAndSizes(
  { timeout, maxBody }: { timeout?: number | undefined; maxBody?: number | undefined },
) {
  return { timeoutMs: timeout ?? DEFAULTS.timeoutMs, maxBody: maxBody ?? DEFAULTS.maxBody };
}

function entries(value: unknown): [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : [];
}

type Templates =
  & Pick<PartSettings, "path" | "params" | "headers">
  & Partial<Pick<PartSettings, "body">>;

function namesOf({ path, params, headers, body }: Templates): readonly TemplateName[] {
  const templates = [
    path,
    ...Object.values(params),
    ...Object.values(headers),
    ...(body ? [body] : []),
  ];
  return templates.flatMap(({ names }) => names);
}
