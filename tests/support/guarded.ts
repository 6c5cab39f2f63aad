import { startGateway, type TestGateway, type TestGatewayOptions } from "./gateway.ts";
import { type RawUpstream, startRawUpstream } from "./upstream.ts";

/** A gateway before an upstream of which it must reach one area alone, `/public`. */
export interface Guarded extends AsyncDisposable {
  readonly gateway: TestGateway;
  /** The targets that reached the upstream, as they came over the wire, since they were taken last. */
  takeTargets(): string[];
}

/** What one route may ask of the upstream, its query left out. */
interface Area {
  /** What must not be left. */
  readonly root: string;
  readonly allowed: RegExp;
}

/** What the routes may lead to; no two of them overlap. */
const AREAS: readonly Area[] = [
  { root: "/public/api", allowed: /^\/public\/api(?:\/.*)?$/s },
  { root: "/public/stripped", allowed: /^\/public\/stripped\/.*$/s },
  { root: "/public/users", allowed: /^\/public\/users\/[^/]+$/ },
  { root: "/public/a", allowed: /^\/public\/a\/[^/]+\/b\/[^/]+\/c$/ },
  { root: "/public/find", allowed: /^\/public\/find\/[^/]+\/end$/ },
  { root: "/public/head", allowed: /^\/public\/head\/[^/]+$/ },
];

export function startGuarded(options?: TestGatewayOptions): Guarded {
  const targets: string[] = [];
  const upstream: RawUpstream = startRawUpstream(async (raw) => {
    targets.push(raw.head.split(" ", 2)[1] ?? "");
    await raw.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
  });
  const gateway = startGateway({
    upstreams: {
      it: { url: `${upstream.url}/public` },
      stripped: { url: `${upstream.url}/public/stripped/` },
    },
    maxRequestBody: "1KiB",
    routes: {
      "ANY /api/*": { forward: "it" },
      "ANY /v1/*": { forward: { to: "stripped", strip: "/v1" } },
      "GET /users/:id": { gather: { user: { from: "it", path: "/users/{id}" } } },
      "GET /both/:a/:b": { gather: { both: { from: "it", path: "/a/{a}/b/{b}/c" } } },
      "GET /find": { gather: { found: { from: "it", path: "/find/{query.q}/end{?query.p}" } } },
      "GET /head": { gather: { it: { from: "it", path: "/head/{header.x-value}" } } },
    },
  }, options);
  return {
    gateway,
    takeTargets: () => targets.splice(0),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

/**
 * Whether a target lies within what some route names, both as it stands and as the most lenient
 * upstream reads it: path parameters left out, percent-decoded once, `\` for `/`, dots resolved.
 */
export function isWithinConfig(target: string): boolean {
  const path = target.split("?", 1)[0] ?? "";
  return AREAS.some(({ root, allowed }) =>
    allowed.test(path) && `${lenient(path)}/`.startsWith(`${root}/`)
  );
}

function lenient(path: string): string {
  const decoded = path.replaceAll(/;[^/]*/g, "").replaceAll(
    /%[\da-f]{2}/gi,
    (escape) => String.fromCharCode(parseInt(escape.slice(1), 16)),
  );
  const resolved: string[] = [];
  for (const segment of decoded.replaceAll("\\", "/").split("/")) {
    if (segment === "..") resolved.pop();
    else if (segment !== "." && segment !== "") resolved.push(segment);
  }
  return `/${resolved.join("/")}`;
}
