import { assertEquals } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { GatewayError, type Source } from "../../lib/mod.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { until, within } from "../support/program.ts";
import { hang, type RawConnection, startRawUpstream, startUpstream } from "../support/upstream.ts";

/** What a connection takes to be seen as closed is a millisecond or so; this is for slow machines. */
const BOUND_MS = 2_000;

/** Upstreams that have been asked, answer as far as each does, and then wait to be left. */
class Waiting implements AsyncDisposable {
  readonly asked: Promise<void>;
  /** Resolves when the connection to each was closed. */
  readonly closed: Promise<void>;
  readonly urls: readonly string[];
  readonly #stack = new AsyncDisposableStack();

  constructor(beginnings: readonly string[]) {
    const asked: Promise<void>[] = [];
    const closed: Promise<void>[] = [];
    this.urls = beginnings.map((beginning) => {
      const begun = Promise.withResolvers<void>();
      const ended = Promise.withResolvers<void>();
      asked.push(begun.promise);
      closed.push(ended.promise);
      const script = async (raw: RawConnection) => {
        await raw.send(beginning);
        begun.resolve();
        await raw.closed();
        ended.resolve();
      };
      return this.#stack.use(startRawUpstream(script)).url;
    });
    this.asked = Promise.all(asked).then(() => {});
    this.closed = Promise.all(closed).then(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

/** How far upstreams get before they are left: no head, half a head, a head, half a body. */
const BEGINNINGS = [
  "",
  "HTTP/1.1 200 O",
  "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1,",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n",
  "HTTP/1.1 200 OK\r\n\r\n[1,",
] as const;

/** A config whose route `/all` calls each of the upstreams, in parts `p0`, `p1`, … */
function configOf({ urls }: Waiting): GatewayConfig {
  const names = urls.map((_, index) => `p${index}`);
  return {
    upstreams: Object.fromEntries(urls.map((url, index) => [`p${index}`, { url }])),
    routes: {
      "GET /all": { gather: Object.fromEntries(names.map((name) => [name, { from: name }])) },
    },
  };
}

async function logged(gateway: TestGateway): Promise<readonly (string | undefined)[]> {
  await until(() => gateway.log.length > 0, "the log has the request");
  const [{ problem, parts = [] } = {}] = gateway.log;
  return [problem, ...parts.map(({ problem }) => problem)];
}

Deno.test("when fetch is aborted, every upstream sees its connection closed", async () => {
  await using waiting = new Waiting(BEGINNINGS);
  await using gateway = startGateway(configOf(waiting));
  const client = new AbortController();
  const answering = ask(`${gateway.url}/all`, { signal: client.signal }).catch(() => "aborted");
  await within(waiting.asked, "all questions");
  client.abort();
  await within(waiting.closed, "all connections closed", BOUND_MS);
  assertEquals(await answering, "aborted");
  assertEquals(await logged(gateway), ["cancelled", ...BEGINNINGS.map(() => "cancelled")]);
  assertEquals(gateway.log[0]?.status, 499);
  assertEquals(gateway.errors, []);
});

Deno.test("when a client's socket closes, every upstream sees its connection closed", async () => {
  await using waiting = new Waiting(BEGINNINGS);
  await using gateway = startGateway(configOf(waiting));
  const client = await Deno.connect({ port: gateway.port, hostname: "127.0.0.1" });
  await client.write(new TextEncoder().encode("GET /all HTTP/1.1\r\nHost: a\r\n\r\n"));
  await within(waiting.asked, "all questions");
  client.close();
  await within(waiting.closed, "all connections closed", BOUND_MS);
  assertEquals(await logged(gateway), ["cancelled", ...BEGINNINGS.map(() => "cancelled")]);
});

Deno.test("when a client leaves, optional parts are not waited for either", async () => {
  await using upstream = startUpstream(hang);
  await using gateway = startGateway({
    upstreams: { slow: { url: upstream.url } },
    routes: { "GET /it": { gather: { it: { from: "slow", optional: true } } } },
  });
  const client = new AbortController();
  const answering = ask(`${gateway.url}/it`, { signal: client.signal }).catch(() => "aborted");
  await within(upstream.asked(1), "the question");
  const abandoned = upstream.abandoned();
  client.abort();
  await within(abandoned, "the connection closed", BOUND_MS);
  await answering;
  assertEquals(await logged(gateway), ["cancelled", "cancelled"]);
  assertEquals(upstream.active, 0);
});

Deno.test("a client that leaves does not cancel an identical request of another", async () => {
  const gate = Promise.withResolvers<void>();
  await using upstream = startUpstream(async () => {
    await gate.promise;
    return Response.json(1);
  });
  await using gateway = startGateway({
    upstreams: { slow: { url: upstream.url } },
    routes: { "GET /it": { gather: { it: { from: "slow" } } } },
  });
  const client = new AbortController();
  const leaving = ask(`${gateway.url}/it`, { signal: client.signal }).catch(() => "aborted");
  await within(upstream.asked(1), "the question");
  const staying = ask(`${gateway.url}/it`);
  client.abort();
  assertEquals(await leaving, "aborted");
  gate.resolve();
  assertEquals((await readEnvelope(await staying)).data, { it: 1 });
});

Deno.test("a client that leaves during its upload causes no call", async () => {
  await using upstream = startUpstream(() => Response.json(1));
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url } },
    routes: {
      "POST /it": { gather: { it: { from: "it", method: "POST", body: "{body.n}" } } },
    },
  });
  const client = await Deno.connect({ port: gateway.port, hostname: "127.0.0.1" });
  const head = "POST /it HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{";
  await client.write(new TextEncoder().encode(head));
  // Its request has come when an answer to a later one is here.
  await (await ask(`${gateway.url}/_gateway/health/live`)).body?.cancel();
  client.close();
  await until(() => gateway.log.some(({ path }) => path === "/it"), "the log has the request");
  const entry = gateway.log.find(({ path }) => path === "/it");
  assertEquals([entry?.problem, entry?.parts], ["cancelled", undefined]);
  assertEquals(upstream.requests.length, 0);
});

Deno.test("a client that leaves after its response cancels nothing", async () => {
  await using upstream = startUpstream(() => Response.json(1));
  const signals: AbortSignal[] = [];
  const own: Source = (_call, { signal }) => {
    signals.push(signal);
    return Promise.reject(new GatewayError("upstream-unreachable", "it is away"));
  };
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url }, own: { source: own } },
    routes: {
      "GET /it": { gather: { it: { from: "it" }, own: { from: "own", optional: true } } },
    },
  });
  const client = new AbortController();
  const response = await ask(`${gateway.url}/it`, { signal: client.signal });
  await readEnvelope(response, { parts: ["it", "own"] });
  client.abort();
  assertEquals(await logged(gateway), [undefined, "upstream-unreachable", undefined]);
  assertEquals(signals.map(({ aborted }) => aborted), [false]);
});

Deno.test("a required part's failure closes its siblings' connections", async () => {
  await using waiting = new Waiting(BEGINNINGS);
  await using broken = startUpstream(async () => {
    await waiting.asked;
    return new Response(null, { status: 500 });
  });
  await using gateway = startGateway({
    upstreams: {
      broken: { url: broken.url },
      ...Object.fromEntries(waiting.urls.map((url, index) => [`p${index}`, { url }])),
    },
    routes: {
      "GET /all": {
        gather: {
          ...Object.fromEntries(
            BEGINNINGS.map((_, index) => [`p${index}`, { from: `p${index}`, optional: true }]),
          ),
          broken: { from: "broken" },
        },
      },
    },
  });
  const response = await ask(`${gateway.url}/all`);
  await within(waiting.closed, "all connections closed", BOUND_MS);
  const { problems } = await readProblem(response, { status: 502, kind: "upstream-error" });
  assertEquals(problems?.map(({ part }) => part), ["broken"]);
  assertEquals(await logged(gateway), [
    "upstream-error",
    "upstream-error",
    ...BEGINNINGS.map(() => "cancelled"),
  ]);
});

Deno.test("an optional part's failure closes no connection", async () => {
  const gate = Promise.withResolvers<void>();
  await using steady = startUpstream(async () => {
    await gate.promise;
    return Response.json(1);
  });
  await using broken = startUpstream(() => new Response(null, { status: 500 }));
  await using gateway = startGateway({
    upstreams: { steady: { url: steady.url }, broken: { url: broken.url } },
    routes: {
      "GET /all": {
        gather: { steady: { from: "steady" }, broken: { from: "broken", optional: true } },
      },
    },
  });
  const answering = ask(`${gateway.url}/all`);
  await within(Promise.all([steady.asked(1), broken.asked(1)]), "both questions");
  gate.resolve();
  assertEquals((await readEnvelope(await answering)).data, { steady: 1, broken: null });
});

Deno.test("the deadline closes every connection, and names every part that it failed", async () => {
  await using waiting = new Waiting(BEGINNINGS);
  await using gateway = startGateway({
    upstreams: Object.fromEntries(waiting.urls.map((url, index) => [`p${index}`, { url }])),
    routes: {
      "GET /all": {
        deadline: "100ms",
        gather: Object.fromEntries(
          BEGINNINGS.map((_, index) => [`p${index}`, { from: `p${index}` }]),
        ),
      },
    },
  });
  const response = await ask(`${gateway.url}/all`);
  const parts = BEGINNINGS.map((_, index) => `p${index}`);
  const expected = { status: 504, kind: "deadline-exceeded", parts } as const;
  const { problems } = await readProblem(response, expected);
  await within(waiting.closed, "all connections closed", BOUND_MS);
  assertEquals(problems?.map(({ part }) => part).toSorted(), parts);
});

Deno.test("at the deadline a response is sent without its optional parts", async () => {
  await using slow = startUpstream(hang);
  await using steady = startUpstream(() => Response.json(1));
  await using gateway = startGateway({
    upstreams: { slow: { url: slow.url }, steady: { url: steady.url } },
    routes: {
      "GET /all": {
        deadline: "100ms",
        gather: { steady: { from: "steady" }, slow: { from: "slow", otherwise: "later" } },
      },
    },
  });
  const abandoned = slow.abandoned();
  const response = await ask(`${gateway.url}/all`);
  const { data, problems } = await readEnvelope(response, { parts: ["slow", "steady"] });
  await within(abandoned, "the connection closed", BOUND_MS);
  assertEquals(data, { steady: 1, slow: "later" });
  assertEquals(problems?.map(({ part, status }) => `${part} ${status}`), ["slow 504"]);
  assertEquals(slow.active, 0);
});

Deno.test("a part's timeout closes its own connection, and no other's", async () => {
  const gate = Promise.withResolvers<void>();
  await using slow = startUpstream(hang);
  await using steady = startUpstream(async () => {
    await gate.promise;
    return Response.json(1);
  });
  await using gateway = startGateway({
    upstreams: { slow: { url: slow.url }, steady: { url: steady.url } },
    routes: {
      "GET /all": {
        gather: {
          steady: { from: "steady" },
          slow: { from: "slow", timeout: "100ms", optional: true },
        },
      },
    },
  });
  const abandoned = slow.abandoned();
  const answering = ask(`${gateway.url}/all`);
  await within(abandoned, "the connection closed", BOUND_MS);
  gate.resolve();
  const { data, problems } = await readEnvelope(await answering);
  assertEquals(data, { steady: 1, slow: null });
  assertEquals(problems?.map(({ status }) => status), [504]);
});
