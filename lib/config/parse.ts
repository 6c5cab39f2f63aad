import { isRecord } from "../core/is_record.ts";
import { joinHeaderRules } from "../template/join_header_rules.ts";
import { cacheSettings } from "./cache.ts";
import { readKnown } from "./client.ts";
import { corsSettings } from "./cors.ts";
import { DEFAULTS } from "../core/defaults.ts";
import { gatewaySchema, type Settings } from "./gateway.ts";
import { checkForward } from "./check_forward.ts";
import { type ForwardsSettings, forwardsSettings } from "./forwards.ts";
import { headerRules } from "./header_rules.ts";
import { type ConfigPlace, NamedFiles } from "./named_files.ts";
import { checkName, entries } from "./names.ts";
import { NamedAuth } from "./named_auth.ts";
import { NamedLimits } from "./named_limits.ts";
import { overrides, type RouteDefaults } from "./overrides.ts";
import { parseParts } from "./parse_parts.ts";
import { ConfigError } from "./config_error.ts";
import { Reader } from "./reader.ts";
import {
  type AnyRoute,
  type AnyRouteSettings,
  batchSchema,
  firstSchema,
  forwardSchema,
  gatherSchema,
  type RouteSettings,
} from "./route.ts";
import { parseRouteKey, type RoutePattern } from "./route_key.ts";
import { suggest } from "./suggest.ts";
import { readsBody } from "./reads_body.ts";
import { readResponseForm } from "./read_response_form.ts";
import { formKeys } from "./response_form.ts";
import { readTargets } from "./targets.ts";
import { readCertificate, type TlsPlace } from "./tls.ts";
import {
  anySettings,
  functionUpstreamSchema,
  httpUpstreamSchema,
  openedUpstreamSchema,
  type UpstreamSettings,
  workerUpstreamSchema,
} from "./upstream.ts";
import { readUpstreamTls } from "./upstream_tls.ts";
import type { Environment } from "./values.ts";
import { webSocketSettings } from "./web_socket.ts";

const ROUTE_KINDS = ["gather", "first", "forward", "batch"] as const;

/**
 * Parses and validates a config.
 * @param env looks up an environment variable
 * @param place absent if the config is not read from a file: it cannot name files then
 * @throws {ConfigError} with every problem, not only the first
 */
export function parseConfig(input: unknown, env: Environment, place?: ConfigPlace): Settings {
  return new Parser(env, place).parse(input);
}

class Parser {
  readonly #env: Environment;
  readonly #files: NamedFiles;
  readonly #reader = new Reader();
  /** By name; undefined for an invalid one. */
  readonly #upstreams = new Map<string, UpstreamSettings | undefined>();
  readonly #limits = new NamedLimits(this.#reader);
  readonly #auth: NamedAuth;
  readonly #workerNames = new Set<string>();
  readonly #tlsPlace: TlsPlace;
  #hasClients = false;
  /** What routes do unless they say otherwise. */
  #defaults: RouteDefaults = { compress: true, cors: undefined, maxRequestBody: 0, deny: [] };
  #forwards: ForwardsSettings = { request: undefined, response: undefined };
  /** The worker modules that parts name directly, by URL. */
  readonly #workers = new Map<string, UpstreamSettings | undefined>();

  constructor(env: Environment, place: ConfigPlace | undefined) {
    this.#env = env;
    this.#files = new NamedFiles(this.#reader, place);
    this.#tlsPlace = { env, reader: this.#reader, files: this.#files };
    this.#auth = new NamedAuth({
      env,
      reader: this.#reader,
      upstream: (name, input, path) => this.#anyUpstream(name, input, path),
    });
  }

  parse(input: unknown): Settings {
    this.#hasClients = isRecord(input) && input.clients !== undefined;
    const top = this.#reader.read(gatewaySchema, input, []);
    const cors = corsSettings(top?.cors, ["cors"], this.#reader);
    if (top) this.#defaults = { ...top, cors };
    this.#forwards = forwardsSettings(top?.forwards, this.#reader);
    const { upstreams, routes } = isRecord(input) ? input : {};
    for (const [name, upstream] of entries(upstreams)) {
      this.#upstreams.set(name, this.#upstream(name, upstream));
    }
    this.#limits.read(isRecord(input) ? input.limits : undefined);
    this.#auth.read(isRecord(input) ? input.auth : undefined);
    const read = this.#routes(entries(routes));
    const tls = top?.tls && readCertificate(top.tls, ["tls"], this.#tlsPlace);
    const clients = top?.clients &&
      { ...top.clients, known: readKnown(top.clients.known, this.#env, this.#reader) };
    if (!top || this.#reader.problems.length > 0) throw new ConfigError(this.#reader.problems);
    return {
      store: top.store,
      secureHeaders: top.secureHeaders,
      tls,
      cors,
      clients,
      ipv6Prefix: top.ipv6Prefix,
      trust: { proxies: top.trustedProxies, header: top.forwardedHeader },
      maxRequestBody: top.maxRequestBody,
      cacheMemory: top.cacheMemory,
      cacheDisk: top.cacheDisk,
      overload: top.overload,
      openapi: top.openapi,
      sendTimeoutMs: top.sendTimeout,
      upstreams: [...this.#upstreams.values()].filter((upstream) => upstream !== undefined),
      auth: this.#auth.all,
      limits: this.#limits.all,
      routes: read,
    };
  }

  #upstream(name: string, input: unknown): UpstreamSettings | undefined {
    const path = ["upstreams", name];
    checkName(path, this.#reader);
    return this.#anyUpstream(name, input, path);
  }

  #anyUpstream(
    name: string,
    input: unknown,
    path: readonly string[],
  ): UpstreamSettings | undefined {
    if (isRecord(input) && "open" in input) {
      const read = this.#reader.read(openedUpstreamSchema, input, path);
      if (!read) return undefined;
      const { open, openAt, source, close } = read;
      return { name, ...anySettings(read), open, openAt, source, close };
    }
    if (isRecord(input) && "source" in input) {
      const read = this.#reader.read(functionUpstreamSchema, input, path);
      return read && { name, ...anySettings(read), source: read.source };
    }
    if (isRecord(input) && "worker" in input) {
      this.#workerNames.add(name);
      return this.#worker(name, input, path);
    }
    const read = this.#reader.read(httpUpstreamSchema(this.#env), input, path);
    const targets = read && readTargets(read, path, this.#reader);
    if (!targets) return undefined;
    const { headers, transport, host, allowPrivate: allowsPrivate } = read;
    if (!allowsPrivate && transport === "fetch") {
      const rule = 'must not be false together with transport "fetch", which hides addresses';
      this.#reader.report([...path, "allowPrivate"], rule);
    }
    const tls = readUpstreamTls(read, targets.base, path, this.#tlsPlace);
    const ofHost = host === undefined ? [] : [new URL(`${targets.base.protocol}//${host}`).origin];
    const otherOrigins = [...targets.otherOrigins, ...ofHost];
    return {
      name,
      ...anySettings(read),
      ...targets,
      otherOrigins,
      headers,
      transport,
      host,
      tls,
      allowsPrivate,
    };
  }

  #worker(name: string, input: unknown, path: readonly string[]): UpstreamSettings | undefined {
    const read = this.#reader.read(workerUpstreamSchema, input, path);
    const worker = read && this.#files.module(read.worker, [...path, "worker"]);
    if (!worker) return undefined;
    const { workers, memory, ...rest } = read;
    const max = workers?.max ?? DEFAULTS.workers;
    const concurrency = { max, queue: workers?.queue ?? DEFAULTS.workerQueue };
    return { name, ...anySettings({ ...rest, concurrency }), worker, heapBytes: memory };
  }

  /** Returns the worker of a module that a part names; all parts with the same module share it. */
  #workerOf(file: string, path: readonly string[]): UpstreamSettings | undefined {
    const url = this.#files.module(file, path);
    if (!url) return undefined;
    if (!this.#workers.has(url.href)) {
      this.#workers.set(url.href, this.#worker(file, { worker: file }, path));
    }
    return this.#workers.get(url.href);
  }

  #routes(inputs: readonly (readonly [string, unknown])[]): RouteSettings[] {
    const shapes = new Map<string, string>();
    return inputs.flatMap(([key, input]) => {
      const path = ["routes", key];
      const pattern = parseRouteKey(key);
      if (typeof pattern === "string") {
        this.#reader.report(path, pattern);
        return [];
      }
      const shape = `${pattern.method} ${pattern.path.replaceAll(/:[^/]+/g, ":")}`;
      const twin = shapes.get(shape);
      if (twin !== undefined) {
        this.#reader.report(path, `must not match the same requests as "${twin}"`);
      }
      shapes.set(shape, key);
      return this.#route(key, pattern, input) ?? [];
    });
  }

  #route(key: string, pattern: RoutePattern, input: unknown): RouteSettings | undefined {
    const kinds = ROUTE_KINDS.filter((kind) => isRecord(input) && kind in input);
    if (isRecord(input) && kinds.length !== 1) {
      return this.#reader.report(
        ["routes", key],
        "must have exactly one of gather, first, forward and batch",
      );
    }
    if (pattern.method === "OPTIONS" && kinds[0] !== "forward") {
      const rule = "must be a forward: the gateway responds to all other OPTIONS requests";
      return this.#reader.report(["routes", key], rule);
    }
    if (kinds[0] === "batch") return this.#batch(key, pattern, input);
    return kinds[0] === "forward"
      ? this.#forward(key, pattern, input)
      : this.#gather(key, pattern, input, kinds[0] === "first");
  }

  #forward(key: string, pattern: RoutePattern, input: unknown): RouteSettings | undefined {
    const path = ["routes", key, "forward"];
    const read = this.#reader.read(forwardSchema, input, ["routes", key]);
    if (!read) return undefined;
    const { to, strip = "", path: sentPath, websocket } = read.forward;
    const { passHeaders, passClientKey, passCredentials, rewriteCookies } = read.forward;
    const upstream = this.#find(to, path);
    const request = headerRules(read.forward.request);
    const response = headerRules(read.forward.response);
    checkForward(read, upstream, { request, response }, {
      pattern,
      path,
      hasClaims: this.#auth.hasClaims(read),
      hasClients: this.#hasClients,
    }, this.#reader);
    if (!upstream) return undefined;
    const cache = read.cache === undefined ? upstream.cache : cacheSettings(read.cache);
    return {
      ...this.#anyRoute(key, pattern, read),
      to: upstream,
      // A stream is passed on as it comes, and so is what the upstream has compressed itself.
      compress: read.compress ?? (this.#defaults.compress && cache !== undefined),
      cache,
      strip: strip.replace(/\/$/, ""),
      sentPath,
      request: joinHeaderRules(this.#forwards.request, request),
      response: joinHeaderRules(this.#forwards.response, response),
      passHeaders: new Set(passHeaders),
      passClientKey,
      passCredentials,
      rewriteCookies,
      webSocket: webSocketSettings(websocket),
    };
  }

  #batch(key: string, pattern: RoutePattern, input: unknown): RouteSettings | undefined {
    const path = ["routes", key];
    if (pattern.method !== "POST") {
      this.#reader.report(path, "must have the method POST, because a batch has a body");
    }
    const read = this.#reader.read(batchSchema, input, path);
    return read && { ...this.#anyRoute(key, pattern, read), ...read.batch };
  }

  #gather(
    key: string,
    pattern: RoutePattern,
    input: unknown,
    isFirst: boolean,
  ): RouteSettings | undefined {
    const path = ["routes", key];
    const read = this.#reader.read(isFirst ? firstSchema : gatherSchema, input, path);
    if (!read) return undefined;
    const quorum = "quorum" in read ? read.quorum : isFirst ? 1 : undefined;
    const named = "gather" in read ? read.gather : read.first;
    const parts = parseParts(named, {
      pattern,
      path: [...path, isFirst ? "first" : "gather"],
      isRace: quorum !== undefined,
      find: (name, path) => this.#find(name, path),
      isWorker: (name) => this.#workerNames.has(name),
      workerOf: (file, path) => this.#workerOf(file, path),
      hasClaims: this.#auth.hasClaims(read),
    }, this.#reader);
    const most = Object.keys(named).length;
    if (quorum !== undefined && quorum > Math.max(1, most)) {
      this.#reader.report(
        [...path, "quorum"],
        `must be at most ${most}, the number of parts`,
        quorum,
      );
    }
    const hasClaims = this.#auth.hasClaims(read);
    const form = "gather" in read
      ? readResponseForm(read, { pattern, parts, hasClaims, path }, this.#reader)
      : undefined;
    return {
      ...this.#anyRoute(key, pattern, read),
      parts,
      form,
      written: JSON.stringify(form ? [named, ...formKeys(input)] : named, asText),
      quorum,
      cache: cacheSettings(read.cache),
      isFirst,
      readsBody: readsBody(parts, form),
    };
  }

  #anyRoute(key: string, { method, path }: RoutePattern, read: AnyRoute): AnyRouteSettings {
    return {
      key,
      method,
      path,
      deadlineMs: read.deadline,
      ...this.#auth.of(read, ["routes", key]),
      limits: this.#limits.of(read, ["routes", key]),
      cost: read.cost ?? 1,
      ...overrides(read, this.#defaults, ["routes", key], this.#reader),
    };
  }

  #find(name: string, path: readonly string[]): UpstreamSettings | undefined {
    if (!this.#upstreams.has(name)) {
      const known = [...this.#upstreams.keys()];
      this.#reader.report(path, "must be the name of an upstream", name, suggest(name, known));
    }
    return this.#upstreams.get(name);
  }
}

/** Converts values that JSON cannot represent to distinct texts. */
function asText(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  return typeof value === "function" ? String(value) : value;
}
