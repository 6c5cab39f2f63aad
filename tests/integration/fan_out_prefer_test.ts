import { assert, assertEquals } from "@std/assert";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { startGatedUpstream } from "../support/gated_upstream.ts";
import { startGateway } from "../support/gateway.ts";
import { until } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";

const EXPECTED_TIMEOUT = "x-envoy-expected-rq-timeout-ms";

/** What a header says, how many parts it lets fail, and what of it is said to be applied. */
const PREFERENCES:
  readonly (readonly [prefer: string, isStrict: boolean, applied: string | null])[] = [
    ["handling=strict", true, "handling=strict"],
    ["HANDLING=STRICT", true, "handling=strict"],
    ["handling = strict", true, "handling=strict"],
    ["handling=strict;a=b", true, "handling=strict"],
    ["wait=9, handling=strict", true, "handling=strict, wait=9"],
    ["handling=lenient", false, "handling=lenient"],
    ["handling=lenient, handling=strict", false, "handling=lenient"],
    ["handling", false, null],
    ["handling=", false, null],
    ["handling=stricter", false, null],
    ["xhandling=strict", false, null],
    ["return=minimal", false, null],
    // Within a quoted string nothing is preferred, and one that does not end is none.
    ['note="a, handling=strict"', false, null],
    ['handling="strict', false, null],
    ['handling=strict"', false, null],
  ];
for (const [prefer, isStrict, applied] of PREFERENCES) {
  Deno.test(`of Prefer: ${prefer} is applied: ${applied ?? "nothing"}`, async () => {
    await using upstream = startUpstream(({ url }) =>
      url.endsWith("/fail") ? new Response("", { status: 410 }) : Response.json(1)
    );
    await using gateway = startGateway({
      upstreams: { up: { url: upstream.url } },
      routes: {
        "GET /": {
          gather: {
            a: { from: "up", path: "/a" },
            b: { from: "up", path: "/fail", otherwise: "x" },
            c: { from: "up", path: "/c", needs: ["b"], optional: true },
          },
        },
        "GET /two": {
          quorum: 1,
          gather: { a: { from: "up", path: "/a" }, b: { from: "up", path: "/fail" } },
        },
        "GET /first": { first: { a: { from: "up", path: "/a" } } },
      },
    });
    const response = await ask(gateway.url, { headers: { prefer } });
    assertEquals(response.headers.get("preference-applied"), applied);
    if (isStrict) {
      await readProblem(response, {
        status: 410,
        kind: "upstream-refused",
        parts: ["a", "b", "c"],
      });
    } else {
      const { data } = await readEnvelope(response);
      assertEquals(data, { a: 1, b: "x", c: null });
    }
    // Where any part may fail there is nothing to be strict about.
    const wait = applied?.includes("wait") ? "wait=9" : null;
    for (const path of ["/two", "/first"]) {
      const race = await ask(gateway.url + path, { headers: { prefer } });
      assertEquals([race.status, race.headers.get("preference-applied")], [200, wait]);
      await race.body?.cancel();
    }
  });
}

Deno.test("of two Prefer lines the first counts", async () => {
  await using upstream = startUpstream(() => new Response("", { status: 500 }));
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: { "GET /": { gather: { a: { from: "up", optional: true } } } },
  });
  const headers = new Headers();
  headers.append("prefer", "handling=lenient");
  headers.append("prefer", "handling=strict");
  const response = await ask(gateway.url, { headers });
  assertEquals(response.headers.get("preference-applied"), "handling=lenient");
  assertEquals((await readEnvelope(response)).complete, false);
});

Deno.test("a client that waits less gets its response then, also without optional parts", async () => {
  await using upstream = startGatedUpstream(() => Response.json(1), ["/slow"]);
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /": {
        gather: { a: { from: "up" }, b: { from: "up", path: "/slow", optional: true } },
      },
      "GET /required": { gather: { b: { from: "up", path: "/slow" } } },
    },
  });
  const headers = { prefer: "wait=1" };
  const [partial, failed] = await Promise.all([
    ask(gateway.url, { headers }),
    ask(`${gateway.url}/required`, { headers }),
  ]);
  assertEquals(partial.headers.get("preference-applied"), "wait=1");
  const { data, problems } = await readEnvelope(partial);
  assertEquals([data, problems?.map(({ status }) => status)], [{ a: 1, b: null }, [504]]);
  assertEquals(failed.headers.get("preference-applied"), "wait=1");
  await readProblem(failed, { status: 504, kind: "deadline-exceeded" });
  await until(() => upstream.active === 0, "all are left");
});

Deno.test("what a client would wait is never more than the route's deadline", async () => {
  await using upstream = startGatedUpstream(() => Response.json(1), "all");
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: { "GET /": { deadline: "40ms", gather: { a: { from: "up" } } } },
  });
  for (
    const wait of ["1", "60", "999999999", "99999999999999999999", "1e9", "-1", "0x1", "1.5", ""]
  ) {
    const response = await ask(gateway.url, { headers: { prefer: `wait=${wait}` } });
    assertEquals(response.headers.get("preference-applied"), null, wait);
    const { detail } = await readProblem(response, { status: 504, kind: "deadline-exceeded" });
    assert(detail.includes("no response within the 40 ms of this route"), detail);
  }
});

Deno.test("an upstream gets the remaining time, never more than timeout or deadline", async () => {
  const received = new Map<string, number>();
  await using upstream = startGatedUpstream((request) => {
    const ms = request.headers.get(EXPECTED_TIMEOUT);
    assert(ms !== null && /^[1-9]\d*$/.test(ms), `${ms}`);
    received.set(new URL(request.url).pathname, Number(ms));
    return Response.json([1, 2]);
  });
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url, timeout: "700ms" } },
    routes: {
      "GET /parts": {
        deadline: "900ms",
        gather: {
          one: { from: "up", path: "/upstream" },
          two: { from: "up", path: "/own", timeout: "300ms" },
          three: { from: "up", path: "/long", timeout: "1h" },
          four: { from: "up", path: "/chained", needs: ["one", "two"], timeout: "1h" },
          five: { from: "up", path: "/item/{item}", each: "{one}", timeout: "1h" },
        },
      },
      "GET /forward": { deadline: "500ms", forward: "up" },
      "GET /forwarded": { deadline: "1h", forward: "up" },
    },
  });
  const most: Readonly<Record<string, number>> = {
    "/upstream": 700,
    "/own": 300,
    "/long": 900,
    "/chained": 900,
    "/item/1": 900,
    "/item/2": 900,
    "/forward": 500,
    "/forwarded": 700,
  };
  // What a client says of it is no concern of the upstream's.
  for (const said of ["99999999", "0", "x"]) {
    const headers = { [EXPECTED_TIMEOUT]: said };
    for (const path of ["/parts", "/forward", "/forwarded"]) {
      const response = await ask(gateway.url + path, { headers });
      assertEquals(response.status, 200);
      await response.body?.cancel();
    }
    assertEquals([...received.keys()].toSorted(), Object.keys(most).toSorted());
    for (const [path, ms] of received) {
      assert(ms > 0 && ms <= (most[path] ?? 0), `${path}: ${ms}`);
    }
    assert((received.get("/chained") ?? 0) <= (received.get("/long") ?? 0), "time has passed");
    received.clear();
  }
});

Deno.test("a forward passes the client's wait on to the upstream", async () => {
  let ms = 0;
  await using upstream = startUpstream(({ headers }) => {
    ms = Number(headers.get(EXPECTED_TIMEOUT));
    return Response.json(1);
  });
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url, timeout: "1m" } },
    routes: { "ANY /*": { deadline: "1m", forward: "up" } },
  });
  const headers = { prefer: "wait=2" };
  const response = await ask(`${gateway.url}/x`, { method: "POST", body: "x", headers });
  assertEquals([response.status, response.headers.get("preference-applied")], [200, "wait=2"]);
  await response.body?.cancel();
  assert(ms > 0 && ms <= 2_000, `${ms}`);
});

Deno.test("a part is not called when no time is left", async () => {
  await using upstream = startGatedUpstream(() => Response.json(1));
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /": {
        deadline: "30ms",
        gather: {
          // It keeps the process busy until after the deadline, so that no timer can ring before.
          a: {
            from: "up",
            path: "/a",
            map() {
              const end = performance.now() + 50;
              while (performance.now() < end);
              return 1;
            },
          },
          b: { from: "up", path: "/b", params: { a: "{a}" }, optional: true },
        },
      },
    },
  });
  const response = await ask(gateway.url);
  const { problems = [] } = await response.json();
  assert(problems.length > 0 && problems.every(({ status }: { status: number }) => status === 504));
  assertEquals(upstream.paths, ["/a"]);
});
