import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import type { BalancedUpstream, Upstream } from "../../lib/config/upstream.ts";
import { faultLine } from "../../lib/upstream/fault_line.ts";
import { gatewayFor, type TestGateway, type TestGatewayOptions } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { until } from "../support/program.ts";
import { ask } from "../support/responses.ts";
import { startServer } from "../support/server.ts";
import {
  refusingUrl,
  startRawUpstream,
  startResettingUpstream,
  startUpstream,
  type TestUpstream,
} from "../support/upstream.ts";

const AT_ONCE = 8;

const ok = () => Response.json(1);
const slowly = (ms: number) => async () => {
  await delay(ms);
  return ok();
};

/** A gateway before these targets, with an aggregate at `/` and a forward at `/f/`. */
function gatewayBefore(
  urls: BalancedUpstream["urls"],
  keys: Partial<BalancedUpstream> = {},
  options?: TestGatewayOptions,
): TestGateway {
  return gatewayOf({ ...keys, urls, url: undefined }, options);
}

function gatewayOf(upstream: Upstream, options?: TestGatewayOptions): TestGateway {
  return gatewayFor({
    upstream,
    routes: {
      "GET /": { gather: { it: { from: "up", path: "/it{?query.n}" } } },
      "ANY /f/*": { forward: "up" },
    },
  }, options);
}

/** Sends that many requests, some at once; returns how many were complete. */
async function send(gateway: TestGateway, count: number, path = "/"): Promise<number> {
  let sent = 0;
  let complete = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (sent++ < count) {
      const response = await ask(`${gateway.url}${path}?n=${sent}`);
      if (response.status === 200) complete++;
      await response.body?.cancel();
    }
  }));
  return complete;
}

const counts = (...upstreams: readonly TestUpstream[]) =>
  upstreams.map(({ requests }) => requests.length);

for (const path of ["/", "/f/it"]) {
  Deno.test(`one of three targets is down: all requests are complete (${path})`, async () => {
    await using a = startUpstream(ok);
    await using b = startUpstream(ok);
    await using gateway = gatewayBefore([a.url, refusingUrl(), b.url]);
    assertEquals(await send(gateway, 1_000, path), 1_000);
    const [toA = 0, toB = 0] = counts(a, b);
    assertEquals(toA + toB, 1_000);
    assert(toA > 250 && toB > 250, `${toA} and ${toB}`);
  });
}

Deno.test("one of three targets loses every connection: retries make 99.9 % complete", async () => {
  await using a = startUpstream(ok);
  await using b = startUpstream(ok);
  await using lost = startRawUpstream(() => Promise.resolve());
  await using gateway = gatewayBefore([a.url, lost.url, b.url], { retry: { backoff: "1ms" } });
  assertEquals(await send(gateway, 1_000), 1_000);
  // Five in a row eject it; calls under way at that time may add to them.
  assert(lost.connections < 5 + AT_ONCE, `${lost.connections} calls went there`);
});

Deno.test("a target that returns 429 at once gets at most 5 % of the calls", async () => {
  await using slow = startUpstream(slowly(5));
  await using refusing = startUpstream(() => new Response(null, { status: 429 }));
  await using gateway = gatewayBefore([refusing.url, slow.url]);
  const complete = await send(gateway, 500);
  assert(refusing.requests.length <= 25, `${refusing.requests.length} calls went there`);
  assertEquals(complete, 500 - refusing.requests.length);
});

Deno.test("a target that returns 429 now and then is not preferred for being fast", async () => {
  await using slow = startUpstream(slowly(5));
  let count = 0;
  await using refusing = startUpstream(() =>
    count++ % 4 === 3 ? ok() : new Response(null, { status: 429 })
  );
  await using gateway = gatewayBefore([refusing.url, slow.url]);
  await send(gateway, 500);
  assert(refusing.requests.length <= 125, `${refusing.requests.length} calls went there`);
});

Deno.test("a target's Retry-After keeps every call away from it", async () => {
  await using busy = startUpstream(() =>
    new Response(null, { status: 503, headers: { "retry-after": "20" } })
  );
  await using free = startUpstream(ok);
  const clock = new ManualClock();
  await using gateway = gatewayBefore([busy.url, free.url], {}, { clock });
  while (busy.requests.length === 0) await send(gateway, 1);
  await send(gateway, 50);
  assertEquals(busy.requests.length, 1);
  await clock.advance(20_001);
  await until(async () => {
    await send(gateway, 1);
    return busy.requests.length === 2;
  }, "it is called again after that time");
});

Deno.test("the last target is called even if it says Retry-After", async () => {
  await using busy = startUpstream(() =>
    new Response(null, { status: 503, headers: { "retry-after": "20" } })
  );
  await using gateway = gatewayBefore([busy.url, { url: refusingUrl(), weight: 1 }]);
  await send(gateway, 60);
  assert(busy.requests.length >= 20, `${busy.requests.length} of 60`);
});

Deno.test("calls go to targets by their weights", async () => {
  await using heavy = startUpstream(slowly(2));
  await using light = startUpstream(slowly(2));
  await using gateway = gatewayBefore([{ url: heavy.url, weight: 3 }, light.url]);
  await send(gateway, 600);
  const [toHeavy = 0] = counts(heavy, light);
  assert(toHeavy > 360 && toHeavy < 540, `${toHeavy} of 600`);
});

Deno.test("a slow target gets few calls", async () => {
  await using fast = startUpstream(slowly(2));
  await using slow = startUpstream(slowly(60));
  await using gateway = gatewayBefore([fast.url, slow.url]);
  await send(gateway, 400);
  assert(slow.requests.length < 60, `${slow.requests.length} of 400`);
});

Deno.test("a retry goes to another target", async () => {
  let failed = 0;
  const failOnce = () => failed++ === 0 ? new Response(null, { status: 500 }) : ok();
  await using a = startUpstream(failOnce);
  await using b = startUpstream(failOnce);
  await using gateway = gatewayBefore([a.url, b.url], { retry: { attempts: 2, backoff: "1ms" } });
  assertEquals(await send(gateway, 1), 1);
  assertEquals(counts(a, b), [1, 1]);
});

Deno.test("the log names a target that is ejected, and one that responds again", async () => {
  let isDown = true;
  await using flaky = startUpstream(() => isDown ? new Response(null, { status: 500 }) : ok());
  await using steady = startUpstream(ok);
  const clock = new ManualClock();
  await using gateway = gatewayBefore([flaky.url, steady.url], {}, { clock });
  const told = () =>
    gateway.faults.filter(({ target }) => target !== undefined).map((report) => faultLine(report));
  await until(async () => {
    await send(gateway, 20);
    await clock.advance(100);
    return told().length > 0;
  }, "it is ejected");
  assertEquals(told(), [`target ${flaky.url}: ejected for 5 s: status 500`]);
  const { length } = flaky.requests;
  await send(gateway, 50);
  assertEquals(flaky.requests.length, length, "it gets no calls");
  isDown = false;
  await clock.advance(30_000);
  await until(async () => {
    await send(gateway, 10);
    return told().length > 1;
  }, "it is back");
  assertEquals(told().slice(1), [`target ${flaky.url}: responds again`]);
});

Deno.test("a target that fails its health checks gets no calls until it passes them", async () => {
  let isHealthy = false;
  const checks: string[] = [];
  await using sick = startUpstream((request) => {
    if (!request.url.endsWith("/healthz")) return ok();
    checks.push(request.url);
    return isHealthy ? ok() : new Response(null, { status: 500 });
  });
  await using well = startUpstream(ok);
  const calls = () => sick.requests.length - checks.length;
  const health = { path: "/healthz", every: "10ms", unhealthyAfter: 2, healthyAfter: 2 } as const;
  const gateway = gatewayBefore([`${sick.url}/v1`, `${well.url}/v1`], { health });
  try {
    const told = () => gateway.faults.map((report) => faultLine(report));
    await until(() => told().length > 0, "it is unhealthy");
    assertEquals(told(), [`target ${sick.url}: failed its health checks: status 500`]);
    assert(checks.every((url) => url.endsWith("/v1/healthz")), "below the base path");
    const before = calls();
    assertEquals(await send(gateway, 50), 50);
    assertEquals(calls(), before);
    isHealthy = true;
    await until(() => told().length > 1, "it is healthy");
    assertEquals(told().slice(1), [`target ${sick.url}: passed its health checks`]);
    await until(async () => {
      await send(gateway, 10);
      return calls() > before;
    }, "it gets calls again");
  } finally {
    await gateway[Symbol.asyncDispose]();
  }
  await delay(50); // one may be on its way
  const { length } = checks;
  await delay(50);
  assertEquals(checks.length, length, "no check comes after the gateway's end");
});

Deno.test("a health check that hangs fails by its timeout", async () => {
  await using hanging = startUpstream((request) =>
    new Promise((resolve) =>
      request.url.endsWith("/healthz")
        ? request.signal.addEventListener("abort", () => resolve(new Response()), { once: true })
        : resolve(ok())
    )
  );
  await using well = startUpstream(ok);
  const health = { path: "/healthz", every: "5ms", timeout: "20ms", unhealthyAfter: 1 } as const;
  await using gateway = gatewayBefore([hanging.url, well.url], { health });
  await until(() => gateway.faults.length > 0, "it is unhealthy");
  assertEquals(gateway.faults[0]?.cause, "no response within 20 ms");
});

Deno.test("targets are called through fetch, too", async () => {
  await using a = startUpstream(ok);
  await using b = startUpstream(ok);
  await using gateway = gatewayBefore([a.url, b.url], { transport: "fetch" });
  assertEquals(await send(gateway, 60), 60);
  const [toA = 0, toB = 0] = counts(a, b);
  assert(toA > 0 && toB > 0 && toA + toB === 60, `${toA} and ${toB}`);
});

Deno.test("each target gets its own Host and base path", async () => {
  const urls: string[] = [];
  const handle = ({ url }: Request) => {
    urls.push(url.replace(/\?.*/, ""));
    return ok();
  };
  await using a = startUpstream(handle);
  await using b = startUpstream(handle);
  await using gateway = gatewayBefore([`${a.url}/v1`, `${b.url}/v1`]);
  await send(gateway, 40);
  assertEquals(new Set(urls), new Set([`${a.url}/v1/it`, `${b.url}/v1/it`]));
});

Deno.test("a URL of any target is one of the upstream: next pages and Location", async () => {
  const handle = ({ url }: Request) => {
    const { origin, pathname, searchParams } = new URL(url);
    if (pathname === "/moved") return Response.redirect(`${origin}/there`);
    const n = Number(searchParams.get("page") ?? 1);
    const link = `<${origin}/list?page=${n + 1}>; rel="next"`;
    return Response.json([n], { headers: n < 8 ? { link } : {} });
  };
  await using a = startUpstream(handle);
  await using b = startUpstream(handle);
  await using gateway = gatewayFor({
    upstream: { urls: [a.url, b.url] },
    routes: {
      "GET /list": { gather: { all: { from: "up", path: "/list", pages: { next: "link" } } } },
      "ANY /f/*": { forward: { to: "up", strip: "/f" } },
    },
  });
  for (let n = 0; n < 10; n++) {
    const list = await ask(`${gateway.url}/list`);
    assertEquals((await list.json()).data, { all: [1, 2, 3, 4, 5, 6, 7, 8] });
    const moved = await ask(`${gateway.url}/f/moved`, { redirect: "manual" });
    await moved.body?.cancel();
    assertEquals(moved.headers.get("location"), "/f/there");
  }
  assert(a.requests.length > 0 && b.requests.length > 0);
});

Deno.test("targets share the upstream's bulkhead", async () => {
  let active = 0;
  let most = 0;
  const counted = async () => {
    most = Math.max(most, ++active);
    await delay(2);
    active--;
    return ok();
  };
  await using a = startUpstream(counted);
  await using b = startUpstream(counted);
  await using gateway = gatewayBefore([a.url, b.url], { concurrency: { max: 2, queue: 100 } });
  assertEquals(await send(gateway, 50), 50);
  assertEquals(most, 2);
});

Deno.test("the addresses of a host name are targets, with the name as Host", async () => {
  const hosts = new Map<string, Set<string | null>>();
  const handle = (address: string) => (request: Request) => {
    const seen = hosts.get(address) ?? new Set();
    hosts.set(address, seen.add(request.headers.get("host")));
    return ok();
  };
  await using one = startServer(handle("127.0.0.1"));
  const other = Deno.serve(
    { port: one.port, hostname: "127.0.0.2", onListen() {} },
    handle("127.0.0.2"),
  );
  const looked: string[] = [];
  await using gateway = gatewayOf({ url: `http://nosuchhost.invalid:${one.port}` }, {
    lookUp: (name) => {
      looked.push(name);
      const addresses = ["127.0.0.1", "127.0.0.2"];
      return Promise.resolve({ addresses, ttlMs: undefined });
    },
  });
  await send(gateway, 1); // begins the lookup, and does not wait for it
  assertEquals(await send(gateway, 60), 60);
  assertEquals(looked, ["nosuchhost.invalid"]);
  const host = new Set([`nosuchhost.invalid:${one.port}`]);
  assertEquals(hosts, new Map([["127.0.0.1", host], ["127.0.0.2", host]]));
  await other.shutdown();
});

Deno.test("a name that cannot be looked up, and localhost, are called as they are", async () => {
  await using upstream = startUpstream(ok);
  const looked: string[] = [];
  const lookUp = (name: string) => {
    looked.push(name);
    return Promise.resolve(undefined);
  };
  const url = upstream.url.replace("127.0.0.1", "localhost");
  await using gateway = gatewayOf({ url }, { lookUp });
  assertEquals(await send(gateway, 5), 5);
  assertEquals(looked, []);
});

Deno.test("the log names the target that failed last, not the first one", async () => {
  await using resetting = await startResettingUpstream("");
  await using gateway = gatewayBefore([refusingUrl(), resetting.url]);
  await send(gateway, 1);
  assertEquals(gateway.faults.map(({ reason, target }) => [reason, target]), [
    ["reset", resetting.url],
  ]);
});
