import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { hasConditions } from "../../lib/config/has_conditions.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { loadConditions } from "../../lib/expression/condition.ts";
import { configPlace } from "../../lib/process/config_place.ts";
import { embed, type GatewayLogEntry } from "../../routes/create_gateway.ts";
import { Calls, type TestUpstream } from "./calls.ts";
import { TestClock } from "./test_clock.ts";

/** Options of {@linkcode testGateway}. */
export interface TestGatewayOptions<Name extends string = string> {
  /**
   * What responds in place of each HTTP upstream, by its name, and of the issuer or service of a way to
   * authenticate, as `auth NAME`. Functions and workers are called as they are.
   */
  readonly upstreams: { readonly [name in Name]?: TestUpstream };
  /** The clock. Default: a new one. */
  readonly clock?: TestClock;
  /** The environment variables that the config names. Default: none; never those of the process. */
  readonly env?: Readonly<Record<string, string>>;
  /** The token of the operator's routes. Default: none. */
  readonly adminToken?: string;
  /** The folder of the files that the config names, with a slash at its end. Default: it can name none. */
  readonly folder?: URL;
}

/** A client's request. */
export interface TestRequestInit extends RequestInit {
  /** The client's address. Default: `192.0.2.1`. */
  readonly address?: string;
}

/** A gateway under test. Disposing it closes it. */
export interface TestGateway<Name extends string = string> extends AsyncDisposable {
  /**
   * Sends a request, without a network.
   * @param request a path such as `/home/7`, or a whole request
   * @throws {Error} if it called an upstream that has no handler
   */
  readonly fetch: (request: string | URL | Request, init?: TestRequestInit) => Promise<Response>;
  /** Moves time: `await gateway.clock.advance("1s")`. */
  readonly clock: TestClock;
  /** The requests that each upstream has received, in order; their bodies can be read. */
  readonly calls: { readonly [name in Name]?: readonly Request[] };
  /** The lines of the log: requests that have ended, and what failed. */
  readonly log: readonly GatewayLogEntry[];
}

const ORIGIN = "http://gateway.test";
const ADDRESS = "192.0.2.1";
const COMPLETED = Promise.resolve();

/**
 * Creates a gateway to test a config with: nothing leaves the process, and no time passes but by its
 * clock. See docs/testing.md.
 *
 * @throws {ConfigError} with every problem of the config
 *
 * @example
 * ```ts
 * import { testGateway } from "sluice/testing";
 *
 * await using gateway = testGateway({
 *   upstreams: { users: { url: "https://users.example", timeout: "1s" } },
 *   routes: { "GET /home/:id": { gather: { user: { from: "users", path: "/users/{id}" } } } },
 * }, { upstreams: { users: () => new Promise(() => {}) } });
 *
 * const response = gateway.fetch("/home/7");
 * await gateway.clock.advance("1s");
 * console.log((await response).status); // 504
 * ```
 */
export function testGateway<
  Name extends string,
  LimitName extends string = never,
  AuthName extends string = never,
>(
  config: GatewayConfig<Name, LimitName, AuthName>,
  options: TestGatewayOptions<NoInfer<Name> | `auth ${NoInfer<AuthName>}`>,
): TestGateway<NoInfer<Name> | `auth ${NoInfer<AuthName>}`> {
  const { clock = new TestClock(), env = {}, adminToken, folder } = options;
  const log: GatewayLogEntry[] = [];
  const calls = new Calls(options.upstreams);
  const parse = () => parseConfig(config, (name) => env[name], folder && configPlace(folder));
  const settings = hasConditions(config) ? loadConditions().then(parse) : parse();
  const gateway = embed(settings, {
    store: ":memory:",
    clock,
    log: (entry) => log.push(entry),
    ...(adminToken === undefined ? {} : { adminToken }),
  }, calls.transport);
  clock.waitFor(gateway.ready);
  return {
    async fetch(request, { address = ADDRESS, ...init } = {}) {
      const sent = typeof request === "string" ? new URL(request, ORIGIN) : request;
      const response = await gateway.fetch(new Request(sent, init), {
        remoteAddr: { hostname: address },
        completed: COMPLETED,
      });
      calls.check();
      return response;
    },
    clock,
    calls: calls.received,
    log,
    async [Symbol.asyncDispose]() {
      const closing = gateway.close(0);
      await clock.advance(0);
      await closing;
    },
  };
}
