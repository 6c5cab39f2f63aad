import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { faultLine } from "../../lib/upstream/fault_line.ts";
import { gatewayFor, startGateway, type TestGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { ask, failedParts, readEnvelope, readProblem } from "../support/responses.ts";
import { hang, startUpstream } from "../support/upstream.ts";

/** Opens at two bad calls of two. */
const BREAKER = { minCalls: 2, failureRate: 1, openFor: "10s" } as const;

const failing = () => new Response(null, { status: 500 });
const ok = () => Response.json(1);

async function askTimes(count: number, url: string, init?: RequestInit): Promise<number[]> {
  const statuses: number[] = [];
  for (let time = 0; time < count; time++) {
    const response = await ask(url, init);
    await response.body?.cancel();
    statuses.push(response.status);
  }
  return statuses;
}

const linesOf = ({ faults }: TestGateway) => faults.map(faultLine);

Deno.test("one of three optional upstreams hangs: all responses are 200, and fast once it is open", async () => {
  await using good = startUpstream(ok);
  await using stuck = startUpstream(hang);
  await using gateway = startGateway({
    upstreams: {
      good: { url: good.url },
      stuck: { url: stuck.url, timeout: "200ms", breaker: { minCalls: 5, openFor: "60s" } },
    },
    routes: {
      "GET /": {
        gather: {
          a: { from: "good", path: "/a", optional: true },
          b: { from: "good", path: "/b", optional: true },
          c: { from: "stuck", path: "/c", optional: true },
        },
      },
    },
  });
  const askOnce = async () => {
    const { data, problems = [] } = await readEnvelope(await ask(gateway.url), {
      parts: ["a", "b", "c"],
    });
    assertEquals(data, { a: 1, b: 1, c: null });
    return problems[0]?.type.split("/").at(-1);
  };
  const kinds: (string | undefined)[] = [];
  for (let time = 0; time < 5; time++) kinds.push(await askOnce());
  assertEquals(new Set(kinds), new Set(["upstream-timeout"]));
  const since = performance.now();
  for (let time = 0; time < 50; time++) assertEquals(await askOnce(), "breaker-open");
  // With a timeout each it would be 10 s.
  assertLess(performance.now() - since, 5_000);
  assertEquals(stuck.requests.length, 5);
  assertEquals(
    linesOf(gateway).at(-1),
    "circuit breaker opened: of 5 calls, 5 failed and 5 were slow",
  );
});

Deno.test("a deadline that always ends the calls of an upstream opens its breaker", async () => {
  await using stuck = startUpstream(hang);
  await using gateway = gatewayFor({
    upstream: { url: stuck.url, timeout: "5s", breaker: BREAKER },
    gather: { it: { from: "up" } },
    deadline: "150ms",
  });
  assertEquals(await askTimes(4, gateway.url), [504, 504, 503, 503]);
  assertEquals(stuck.requests.length, 2);
});

Deno.test("clients that leave do not open it", async () => {
  await using stuck = startUpstream(hang);
  await using gateway = gatewayFor({
    upstream: { url: stuck.url, breaker: { minCalls: 1 } },
    gather: { it: { from: "up" } },
  });
  for (let time = 1; time <= 3; time++) {
    const client = new AbortController();
    const left = ask(gateway.url, { signal: client.signal }).catch(() => {});
    await stuck.asked(time);
    const abandoned = stuck.abandoned();
    client.abort();
    await left;
    await abandoned;
  }
  assertEquals([stuck.requests.length, linesOf(gateway)], [3, []]);
});

Deno.test("it is open for every route of the upstream, until probes succeed", async () => {
  const clock = new ManualClock();
  let respond: () => Response = failing;
  await using upstream = startUpstream(() => respond());
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, breaker: BREAKER },
    gather: { it: { from: "up" } },
    routes: { "ANY /f/*": { forward: "up" } },
  }, { clock });
  assertEquals(await askTimes(2, gateway.url), [502, 502]);
  const forwarded = await ask(`${gateway.url}/f/x`);
  assertEquals([forwarded.status, forwarded.headers.get("retry-after")], [503, "10"]);
  assertMatch(
    forwarded.headers.get("proxy-status") ?? "",
    /^sluice-\w+; ?error=destination_unavailable$/,
  );
  assertMatch(await forwarded.text(), /"type":"\/_gateway\/problems\/breaker-open"/);

  await clock.advance(10_000);
  assertEquals(await askTimes(2, gateway.url), [502, 503], "the first probe opens it again");
  respond = ok;
  await clock.advance(10_000);
  assertEquals(await askTimes(5, gateway.url), [200, 200, 200, 200, 200]);
  assertEquals(upstream.requests.length, 8);
  assertEquals(linesOf(gateway), [
    "circuit breaker opened: of 2 calls, 2 failed and 0 were slow",
    "circuit breaker closed",
  ]);
});

Deno.test("the operator sees the state of each breaker", async () => {
  const clock = new ManualClock();
  await using upstream = startUpstream(failing);
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, breaker: BREAKER },
    upstreams: { other: { url: upstream.url } },
    routes: { "ANY /f/*": { forward: "up" }, "ANY /g/*": { forward: "other" } },
  }, { clock });
  const states = async () => {
    const { upstreams } = await (await ask(`${gateway.url}/_gateway/upstreams`)).json();
    return upstreams;
  };
  await askTimes(1, `${gateway.url}/f/x`);
  const closed = { state: "closed", calls: 1, failed: 1, slow: 0 };
  const { concurrency, ...first } = (await states())[0];
  assertEquals(first, { name: "up", breaker: closed, retriesLeft: 3 });
  assertEquals([concurrency.inFlight, concurrency.waiting], [0, 0]);
  assertEquals((await states())[1].breaker, undefined);
  await askTimes(1, `${gateway.url}/f/x`);
  const open = { state: "open", calls: 2, failed: 2, slow: 0 };
  assertEquals((await states())[0].breaker, open);
  await clock.advance(10_000);
  assertEquals((await states())[0].breaker, { ...open, state: "half-open" });
});

Deno.test("a forward's 5xx and 429 pass, and open it; its 404 does not", async () => {
  const statuses = [404, 404, 404, 500, 429];
  await using upstream = startUpstream(() =>
    new Response(null, { status: statuses.shift() ?? 200 })
  );
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, breaker: { minCalls: 5, failureRate: 0.4 } },
    routes: { "ANY /*": { forward: "up" } },
  });
  assertEquals(await askTimes(6, `${gateway.url}/x`), [404, 404, 404, 500, 429, 503]);
});

Deno.test("a required part whose breaker is open fails the request before another is called", async () => {
  await using good = startUpstream(ok);
  await using bad = startUpstream(failing);
  const gather = {
    a: { from: "good", path: "/a" },
    b: { from: "bad", path: "/b" },
  } as const;
  await using gateway = startGateway({
    upstreams: { good: { url: good.url }, bad: { url: bad.url, breaker: BREAKER } },
    routes: {
      "GET /required": { gather },
      "GET /optional": { gather: { ...gather, b: { ...gather.b, optional: true } } },
      "GET /first": { first: gather },
      "GET /quorum": { quorum: 2, gather },
      "GET /bad": { gather: { b: gather.b } },
    },
  });
  assertEquals(await askTimes(2, `${gateway.url}/bad`), [502, 502]);
  for (const path of ["/required", "/quorum"]) {
    const response = await ask(gateway.url + path);
    assertEquals(response.headers.get("retry-after"), "10");
    assertEquals(failedParts(response), ["b: breaker-open"]);
    const { problems } = await readProblem(response, {
      status: 503,
      kind: "breaker-open",
      parts: ["b"],
    });
    assertEquals(problems?.map(({ part }) => part), ["b"]);
  }
  const streamed = await ask(`${gateway.url}/required`, {
    headers: { accept: "application/x-ndjson" },
  });
  await readProblem(streamed, { status: 503, kind: "breaker-open" });
  const strict = { headers: { prefer: "handling=strict" } };
  assertEquals(await askTimes(1, `${gateway.url}/optional`, strict), [503]);
  assertEquals(good.requests.length, 0);
  assertEquals(await askTimes(1, `${gateway.url}/optional`), [200]);
  assertEquals(await askTimes(1, `${gateway.url}/first`), [200]);
  assertEquals([good.requests.length, bad.requests.length], [2, 2]);
});

/** A gateway whose parts have a copy from before their upstream failed; the clock is at 0. */
async function playStale(clock: ManualClock) {
  let respond: () => Response = ok;
  const stack = new AsyncDisposableStack();
  const upstream = stack.use(startUpstream(() => respond()));
  const gateway = stack.use(gatewayFor({
    upstream: {
      url: upstream.url,
      // The copies of three parts, and two failures.
      breaker: { minCalls: 5, failureRate: 0.4 },
      cache: { ttl: "10s", staleIfError: "60s" },
    },
    routes: {
      "GET /it": {
        gather: {
          required: { from: "up", path: "/required" },
          other: { from: "up", path: "/other", otherwise: "none" },
        },
      },
      "GET /cold/:id": {
        gather: { it: { from: "up", path: "/cold/{id}", optional: true, otherwise: ["none"] } },
      },
      "GET /copied": {
        gather: {
          required: { from: "up", path: "/required", optional: true },
          other: { from: "up", path: "/other", otherwise: "none" },
        },
      },
      "ANY /f/*": { forward: "up" },
    },
  }, { clock }));
  assertEquals(await askTimes(1, `${gateway.url}/it`), [200]);
  assertEquals(await askTimes(1, `${gateway.url}/f/x`), [200]);
  respond = failing;
  assertEquals(await askTimes(2, `${gateway.url}/cold/1`), [200, 200], "it is open now");
  return { upstream, gateway, asked: upstream.requests.length, stack };
}

Deno.test("cache -> breaker: while it is open, a fresh copy is served as always", async () => {
  const { gateway, upstream, asked, stack } = await playStale(new ManualClock());
  await using _stack = stack;
  const { complete, ...rest } = await readEnvelope(await ask(`${gateway.url}/it`));
  assertEquals([complete, rest], [true, { data: { required: 1, other: 1 } }]);
  assertEquals(upstream.requests.length, asked);
});

Deno.test("cache -> breaker: while it is open, a stale copy is served within staleIfError, and labelled", async () => {
  const clock = new ManualClock();
  const { gateway, upstream, stack } = await playStale(clock);
  await using _stack = stack;
  await clock.advance(11_000);
  assertEquals(await askTimes(1, `${gateway.url}/cold/2`), [200], "a probe fails");
  const asked = upstream.requests.length;
  const response = await ask(`${gateway.url}/it`);
  assertMatch(response.headers.get("cache-status") ?? "", /fwd=stale.*detail="required"/);
  const envelope = await readEnvelope(response);
  assertEquals(envelope, {
    data: { required: 1, other: 1 },
    complete: true,
    stale: ["required", "other"],
  });
  const forwarded = await ask(`${gateway.url}/f/x`);
  assertEquals([forwarded.status, await forwarded.text()], [200, "1"]);
  assertEquals(upstream.requests.length, asked);
});

Deno.test("cache -> breaker: without a copy that may be served, `otherwise` stands in, or the request fails", async () => {
  const clock = new ManualClock();
  const { gateway, upstream, stack } = await playStale(clock);
  await using _stack = stack;
  const cold = await readEnvelope(await ask(`${gateway.url}/cold/3`));
  assertEquals(cold.data, { it: ["none"] });
  assertMatch(cold.problems?.[0]?.type ?? "", /breaker-open$/);
  await clock.advance(70_000);
  assertEquals(await askTimes(1, `${gateway.url}/cold/2`), [200], "a probe fails");
  const asked = upstream.requests.length;
  const { data } = await readEnvelope(await ask(`${gateway.url}/copied`));
  assertEquals(data, { required: null, other: "none" });
  const failed = await ask(`${gateway.url}/it`);
  assertEquals(failed.headers.get("retry-after"), "10");
  await readProblem(failed, { status: 503, kind: "breaker-open" });
  assertEquals(upstream.requests.length, asked);
});

Deno.test("retry -> breaker: the attempts count one by one, and none follows once it is open", async () => {
  await using upstream = startUpstream(failing);
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, breaker: BREAKER, retry: { attempts: 5, backoff: "1ms" } },
    gather: { it: { from: "up" } },
  });
  const response = await ask(gateway.url);
  await readProblem(response, { status: 503, kind: "breaker-open" });
  assert(response.headers.has("retry-after"));
  assertEquals(upstream.requests.length, 2);
});

Deno.test("the Retry-After of an upstream's 429 and 503 reaches the client of an aggregate", async () => {
  await using upstream = startUpstream((request) => {
    const [, status = "", seconds] = new URL(request.url).pathname.split("/");
    return new Response(null, {
      status: Number(status),
      headers: seconds === undefined ? {} : { "retry-after": decodeURIComponent(seconds) },
    });
  });
  const quorum = (...paths: `/${string}`[]) => ({
    quorum: 1,
    gather: Object.fromEntries(paths.map((path, index) => [`p${index}`, { from: "up", path }])),
  });
  await using gateway = gatewayFor({
    upstream: upstream.url,
    routes: {
      "GET /one/:status/:s": { gather: { it: { from: "up", path: "/{status}/{s}" } } },
      "GET /none/:status": { gather: { it: { from: "up", path: "/{status}" } } },
      "GET /optional": { gather: { it: { from: "up", path: "/503/9", optional: true } } },
      "GET /each": {
        gather: { it: { from: "up", path: "/503/{item}", each: "{query.s}", concurrency: 1 } },
      },
      "GET /all": quorum("/429/3", "/503/20", "/500/99"),
    },
  });
  const asked = async (path: string) => {
    const response = await ask(gateway.url + path);
    await response.body?.cancel();
    return `${response.status} ${response.headers.get("retry-after")}`;
  };
  assertEquals(await asked("/one/429/7"), "503 7");
  assertEquals(await asked("/one/503/7"), "502 7");
  assertEquals(await asked("/one/500/7"), "502 null");
  assertEquals(await asked("/none/429"), "503 1");
  assertEquals(await asked("/none/503"), "502 null");
  assertEquals(await asked("/optional"), "200 null");
  assertEquals(await asked("/each?s=5"), "502 5");
  assertMatch(await asked("/all"), /^50[23] 20$/);
  const date = encodeURIComponent(new Date(Date.now() + 30_000).toUTCString());
  assertMatch(await asked(`/one/503/${date}`), /^502 (?:29|30)$/);
});
