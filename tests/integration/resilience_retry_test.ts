import { assert, assertEquals } from "@std/assert";
import { createServer } from "node:net";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { gatewayFor, startGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { until, within } from "../support/program.ts";
import { hang, startRawUpstream, startUpstream } from "../support/upstream.ts";

const RETRY = { attempts: 3, backoff: "1ms" } as const;

const ROUTES: GatewayConfig["routes"] = {
  "GET /it": { gather: { it: { from: "up", path: "/it" } } },
  "POST /it": { gather: { it: { from: "up", path: "/it", method: "POST", body: "{body.n}" } } },
  "ANY /f/*": { forward: "up" },
};

/** Tells what is slept for: a deadline is 10 s here, a timeout 5 s, a wait for a retry less. */
class WatchedClock extends ManualClock {
  #last = Infinity;

  /** Whether the last that went to sleep waits for a retry. */
  get waits(): boolean {
    return this.#last < 5_000 && this.sleeping > 0;
  }

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.#last = ms;
    return super.sleep(ms, signal);
  }
}

/** Answers with these, one after the other, and then with the last one. */
function inTurn(...answers: readonly (() => Response)[]) {
  let asked = 0;
  return () => answers[Math.min(asked++, answers.length - 1)]?.() ?? new Response();
}

const ok = () => Response.json(1);
const unavailable = () => new Response(null, { status: 503 });

Deno.test("an upstream that returns 503 and then 200 succeeds", async () => {
  await using upstream = startUpstream(inTurn(unavailable, unavailable, ok));
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, retry: RETRY },
    routes: ROUTES,
  });
  const { data } = await readEnvelope(await ask(`${gateway.url}/it`), { parts: ["it"] });
  assertEquals([data, upstream.requests.length], [{ it: 1 }, 3]);
});

Deno.test("an upstream that fails each time has failed once, after its last attempt", async () => {
  await using upstream = startUpstream(unavailable);
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, retry: RETRY },
    routes: ROUTES,
  });
  const { problems } = await readProblem(await ask(`${gateway.url}/it`), {
    status: 502,
    kind: "upstream-error",
  });
  assertEquals([problems?.length, upstream.requests.length], [1, 3]);
});

Deno.test("a connection that is reset is made again", async () => {
  let connections = 0;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      if (++connections === 1) socket.resetAndDestroy();
      else socket.end("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = server.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    await using gateway = gatewayFor({
      upstream: { url: `http://127.0.0.1:${port}`, retry: RETRY },
      routes: ROUTES,
    });
    const { data } = await readEnvelope(await ask(`${gateway.url}/it`));
    assertEquals([data, connections], [{ it: 1 }, 2]);
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
});

for (
  const [what, beginning] of [
    ["without a word", ""],
    ["within the head", "HTTP/1.1 200 O"],
    ["within the body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1,"],
    ["within a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n[1,"],
    ["after no HTTP", "hello\r\n\r\n"],
  ] as const
) {
  Deno.test(`an upstream that closes ${what} is retried`, async () => {
    let asked = 0;
    await using upstream = startRawUpstream(async (raw) => {
      const whole = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1";
      await raw.send(++asked === 1 ? beginning : whole);
    });
    await using gateway = gatewayFor({
      upstream: { url: upstream.url, retry: RETRY },
      routes: ROUTES,
    });
    const { data } = await readEnvelope(await ask(`${gateway.url}/it`));
    assertEquals([data, asked], [{ it: 1 }, 2]);
  });
}

Deno.test("an attempt that takes too long is left, and made again", async () => {
  let asked = 0;
  await using upstream = startUpstream((request) => ++asked === 1 ? hang(request) : ok());
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url, timeout: "100ms", retry: RETRY } },
    routes: { "GET /it": { gather: { it: { from: "it" } } } },
  });
  const abandoned = upstream.abandoned();
  const { data } = await readEnvelope(await ask(`${gateway.url}/it`));
  await within(abandoned, "the first attempt's connection closed");
  assertEquals([data, asked, upstream.active], [{ it: 1 }, 2, 0]);
});

for (
  const [what, answer] of [
    ["404", () => new Response(null, { status: 404 })],
    ["501", () => new Response(null, { status: 501 })],
    ["no JSON", () => new Response("<html>")],
  ] as const
) {
  Deno.test(`an upstream that returns ${what} is not retried`, async () => {
    await using upstream = startUpstream(answer);
    await using gateway = gatewayFor({
      upstream: { url: upstream.url, retry: RETRY },
      routes: ROUTES,
    });
    await (await ask(`${gateway.url}/it`)).body?.cancel();
    assertEquals(upstream.requests.length, 1);
  });
}

Deno.test("without retry in the config nothing is retried", async () => {
  await using upstream = startUpstream(unavailable);
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url } },
    routes: { "GET /it": { gather: { it: { from: "it" } } } },
  });
  await (await ask(`${gateway.url}/it`)).body?.cancel();
  assertEquals(upstream.requests.length, 1);
});

Deno.test("POST is not sent again unless the config says so, and then whole", async () => {
  const init = {
    method: "POST",
    body: '{"n":{"deep":[1]}}',
    headers: { "content-type": "application/json" },
  };
  for (const [methods, hits] of [[undefined, 1], [["POST"], 3]] as const) {
    const bodies: string[] = [];
    await using upstream = startUpstream(async (request) => {
      bodies.push(await request.text());
      return unavailable();
    });
    await using gateway = gatewayFor({
      upstream: { url: upstream.url, retry: { ...RETRY, ...(methods && { methods }) } },
      routes: ROUTES,
    });
    await (await ask(`${gateway.url}/it`, init)).body?.cancel();
    assertEquals(bodies, Array(hits).fill('{"deep":[1]}'));
  }
});

Deno.test("a forward makes one call, whatever the retry policy", async () => {
  await using upstream = startUpstream(unavailable);
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, retry: RETRY },
    routes: ROUTES,
  });
  const response = await ask(`${gateway.url}/f/x`);
  await response.body?.cancel();
  assertEquals([response.status, upstream.requests.length], [503, 1]);
});

for (
  const [what, value] of [["seconds", "2"], ["date", "Thu, 01 Jan 2026 00:00:02 GMT"]] as const
) {
  Deno.test(`Retry-After is waited for, given as ${what}`, async () => {
    const clock = new WatchedClock();
    const busy = () => new Response(null, { status: 429, headers: { "retry-after": value } });
    await using upstream = startUpstream(inTurn(busy, ok));
    await using gateway = gatewayFor({
      upstream: { url: upstream.url, retry: RETRY },
      routes: ROUTES,
    }, { clock });
    const answering = ask(`${gateway.url}/it`);
    await within(upstream.asked(1), "the first question");
    await until(() => clock.waits, "it waits");
    await clock.advance(1_999);
    assertEquals([upstream.requests.length, clock.waits, clock.sleeping], [1, true, 2]);
    await clock.advance(1);
    assertEquals((await readEnvelope(await answering)).data, { it: 1 });
    assertEquals(upstream.requests.length, 2);
  });
}

Deno.test("a Retry-After past the deadline is the client's to wait for", async () => {
  await using upstream = startUpstream(() =>
    new Response(null, { status: 429, headers: { "retry-after": "30" } })
  );
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, retry: RETRY },
    routes: ROUTES,
  });
  const response = await ask(`${gateway.url}/it`);
  await readProblem(response, { status: 503, kind: "overloaded" });
  assertEquals([response.headers.get("retry-after"), upstream.requests.length], ["30", 1]);
});

Deno.test("a client that leaves in the wait is the end of it", async () => {
  const clock = new WatchedClock();
  await using upstream = startUpstream(unavailable);
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, retry: { ...RETRY, backoff: "1s" } },
    routes: ROUTES,
  }, { clock });
  const client = new AbortController();
  const answering = ask(`${gateway.url}/it`, { signal: client.signal }).catch(() => "aborted");
  await within(upstream.asked(1), "the first question");
  await until(() => clock.waits, "it waits");
  client.abort();
  assertEquals(await answering, "aborted");
  await until(() => gateway.log.length > 0, "the log has the request");
  assertEquals([gateway.log[0]?.status, clock.sleeping], [499, 0]);
  await clock.advance(10_000);
  assertEquals(upstream.requests.length, 1);
});

Deno.test("an upstream that fails for ten seconds gets 1.2 times its calls, and the minimum", async () => {
  const clock = new ManualClock();
  let isDown = false;
  let hits = 0;
  const asked = new Set<string>();
  await using upstream = startUpstream(({ url }) => {
    asked.add(new URL(url).pathname);
    if (isDown) hits++;
    return isDown ? unavailable() : ok();
  });
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url, retry: { attempts: 5 } } },
    routes: { "GET /:id": { gather: { it: { from: "it", path: "/{id}" } } } },
  }, { clock });
  const perTick = 4;
  let calls = 0;
  const answering: Promise<number>[] = [];
  const status = async (id: number) => {
    const response = await ask(`${gateway.url}/${id}`);
    await response.body?.cancel();
    return response.status;
  };
  for (let tick = 0; tick < 200; tick++) {
    isDown = tick >= 100;
    const ids = Array.from({ length: perTick }, () => calls++);
    answering.push(...ids.map(status));
    await until(
      () => upstream.active === 0 && ids.every((id) => asked.has(`/${id}`)),
      "all new calls have been made",
    );
    await clock.advance(100);
  }
  const downCalls = perTick * 100;
  let open = answering.length;
  for (const one of answering) one.finally(() => open--);
  while (open > 0) {
    await clock.advance(50);
    await until(() => upstream.active === 0, "nothing is asked");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const statuses = await Promise.all(answering);
  assertEquals(statuses.filter((code) => code === 200).length, downCalls);
  const most = 1.2 * downCalls + 3 * 11;
  assert(hits <= most, `${hits} hits for ${downCalls} calls`);
  assert(hits > 1.15 * downCalls, `only ${hits} hits`);
});
