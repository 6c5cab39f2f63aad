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
  partSchema,
} from "./schema.ts";
import type { PartSettings, RouteSettings, Settings, UpstreamSettings } from "./settings.ts";
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

  constructor(env: Environment) {
    this.#env = env;
  }

  parse(input: unknown): Settings {
    const top = this.#read(gatewaySchema, input, []);
    const { upstreams, routes } = isRecord(input) ? input : {};
    for (const [name, upstream] of entries(upstreams)) {
      this.#upstreams.set(name, this.#upstream(name, upstream));
    }
    const read = this.#routes(entries(routes));
    if (top?.cors?.credentials && top.cors.origins.includes("*")) {
      this.#report(["cors", "credentials"], 'must not be true while origins has "*"');
    }
    if (!top || this.#problems.length > 0) throw new ConfigError(this.#problems);
    return {
      store: top.store,
      cors: top.cors && { ...top.cors, credentials: top.cors.credentials ?? false },
      maxRequestBody: top.maxRequestBody ?? DEFAULTS.maxRequestBody,
      upstreams: [...this.#upstreams.values()].filter((upstream) => upstream !== undefined),
      routes: read,
    };
  }

  #upstream(name: string, input: unknown): UpstreamSettings | undefined {
    const path = ["upstreams", name];
    if (!/^[A-Za-z_][\w-]*$/.test(name)) {
      this.#report(path, "must be named with letters, digits, - and _");
    }
    if (isRecord(input) && "source" in input) {
      const read = this.#read(functionUpstreamSchema, input, path);
      return read && { name, ...timesAndSizes(read), source: read.source };
    }
    const read = this.#read(httpUpstreamSchema(this.#env), input, path);
    return read && { name, ...timesAndSizes(read), base: read.url, headers: read.headers };
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
