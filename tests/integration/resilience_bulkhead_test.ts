import { assert, assertEquals } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { gatewayFor, type TestGateway } from "../support/gateway.ts";
import { until, within } from "../support/program.ts";
import { startRawUpstream, startUpstream, type TestUpstream } from "../support/upstream.ts";

/** All use the upstream's slots: `/one/x`, `/all?id=…` and `/f/x`. */
const ROUTES: GatewayConfig["routes"] = {
  "GET /one/:id": { gather: { it: { from: "up", path: "/{id}" } } },
  "GET /all": {
    gather: { it: { from: "up", path: "/{item}", each: "{query.id}", concurrency: 50 } },
  },
  "ANY /f/*": { forward: { to: "up", strip: "/f" } },
};

/** An upstream whose responses wait for a gate each, and which records its peak concurrency. */
function startGated() {
  const gates: (() => void)[] = [];
  let most = 0;
  const paths: string[] = [];
  const upstream: TestUpstream = startUpstream(async ({ url }) => {
    paths.push(new URL(url).pathname);
    most = Math.max(most, upstream.active);
    await new Promise<void>((resolve) => gates.push(resolve));
    return Response.json(1);
  });
  return {
    upstream,
    /** The peak of concurrent calls. */
    most: () => most,
    /** The paths that were requested, in order. */
    paths,
    /** Lets the oldest waiting call have its response. */
    open: async () => {
      await until(() => gates.length > 0, "somebody asks");
      gates.shift()?.();
    },
  };
}

/** Asks for what needs a slot, and gives it back. */
async function statusOf(gateway: TestGateway, path: string): Promise<number> {
  const response = await ask(gateway.url + path);
  await response.body?.cancel();
  return response.status;
}

Deno.test("an upstream never has more calls than it may have, from all routes together", async () => {
  let [now, most] = [0, 0];
  await using upstream = startUpstream(async () => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 2));
    now--;
    return Response.json(1);
  });
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, concurrency: { max: 3, queue: 1000 } },
    routes: ROUTES,
  });
  const ids = Array.from({ length: 20 }, (_, index) => `id=${index}`).join("&");
  const statuses = await Promise.all([
    ...Array.from({ length: 20 }, (_, index) => statusOf(gateway, `/one/o${index}`)),
    ...Array.from({ length: 20 }, (_, index) => statusOf(gateway, `/f/f${index}`)),
    statusOf(gateway, `/all?${ids}`),
  ]);
  assertEquals(statuses, Array(41).fill(200));
  assertEquals([most, upstream.requests.length], [3, 60]);
});

Deno.test("waiters are admitted in the order of their arrival", async () => {
  const { upstream, open, paths, most } = startGated();
  await using _ = upstream;
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, concurrency: { max: 1, queue: 9 } },
    routes: ROUTES,
  });
  const answering = ask(`${gateway.url}/all?id=3&id=1&id=2&id=9&id=0`);
  for (let index = 0; index < 5; index++) await open();
  await readEnvelope(await answering);
  assertEquals([paths, most()], [["/3", "/1", "/2", "/9", "/0"], 1]);
});

Deno.test("when the queue is full, a client gets Retry-After, and no call is made", async () => {
  const { upstream, open, paths } = startGated();
  await using _ = upstream;
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, concurrency: { max: 1, queue: 0 } },
    routes: ROUTES,
  });
  const holding = statusOf(gateway, "/one/a");
  await within(upstream.asked(1), "the first question");
  const part = await ask(`${gateway.url}/one/b`);
  assertEquals(part.headers.get("retry-after"), "1");
  await readProblem(part, { status: 503, kind: "overloaded", parts: ["it"] });
  const forwarded = await ask(`${gateway.url}/f/c`);
  assertEquals(forwarded.headers.get("retry-after"), "1");
  assertEquals([forwarded.status, (await forwarded.json()).type.split("/").at(-1)], [
    503,
    "overloaded",
  ]);
  await open();
  assertEquals([await holding, paths], [200, ["/a"]]);
});

Deno.test("a client that leaves the queue frees its place at once", async () => {
  const { upstream, open, paths } = startGated();
  await using _ = upstream;
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, concurrency: { max: 1, queue: 1 } },
    routes: ROUTES,
  });
  const holding = statusOf(gateway, "/one/a");
  await within(upstream.asked(1), "the first question");
  const client = new AbortController();
  const leaving = ask(`${gateway.url}/one/b`, { signal: client.signal }).catch(() => "aborted");
  // It is in the queue once another one finds the queue full; until then that one would wait itself.
  const probe = async () => {
    const bound = new AbortController();
    const timer = setTimeout(() => bound.abort(), 50);
    try {
      const response = await ask(`${gateway.url}/one/probe`, { signal: bound.signal });
      await response.body?.cancel();
      return response.status;
    } catch {
      return 0;
    } finally {
      clearTimeout(timer);
    }
  };
  while (await probe() !== 503);
  client.abort();
  assertEquals(await leaving, "aborted");
  await until(() => gateway.log.some(({ path }) => path === "/one/b"), "it has left");
  const next = statusOf(gateway, "/one/c");
  await open();
  await open();
  assertEquals([await holding, await next, paths], [200, 200, ["/a", "/c"]]);
});

Deno.test("a client that leaves within its call frees the slot", async () => {
  const { upstream, open } = startGated();
  await using _ = upstream;
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, concurrency: { max: 1, queue: 0 } },
    routes: ROUTES,
  });
  for (const path of ["/one/a", "/f/a"]) {
    const asked = upstream.requests.length + 1;
    const client = new AbortController();
    const leaving = ask(gateway.url + path, { signal: client.signal }).catch(() => "aborted");
    await within(upstream.asked(asked), "the question");
    const abandoned = upstream.abandoned();
    client.abort();
    assertEquals(await leaving, "aborted");
    await within(abandoned, "the connection closed");
    const next = statusOf(gateway, "/one/b");
    await open(); // that of the one who left
    await open();
    assertEquals(await next, 200);
  }
});

/** An upstream whose bodies end when the test says so. */
function startStreaming() {
  const ends: (() => void)[] = [];
  let closed = 0;
  const upstream = startRawUpstream(async (raw) => {
    await raw.send(
      "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n",
    );
    const ended = new Promise<void>((resolve) => ends.push(resolve));
    await Promise.race([ended, raw.closed().then(() => closed++)]);
    await raw.send("0\r\n\r\n");
  });
  return { upstream, end: () => ends.shift()?.(), closed: () => closed };
}

Deno.test("a call that is forwarded holds its slot until its body has ended", async () => {
  const { upstream, end } = startStreaming();
  await using _ = upstream;
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, concurrency: { max: 1, queue: 0 } },
    routes: ROUTES,
  });
  const response = await ask(`${gateway.url}/f/a`);
  assertEquals(response.status, 200);
  for (const path of ["/f/b", "/one/b"]) assertEquals(await statusOf(gateway, path), 503);
  end();
  assertEquals(await response.text(), "1");
  const next = await ask(`${gateway.url}/f/c`);
  assertEquals(next.status, 200);
  end();
  assertEquals(await next.text(), "1");
});

Deno.test("a client that leaves within a forwarded body frees the slot, and closes the connection", async () => {
  const { upstream, closed } = startStreaming();
  await using _ = upstream;
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, concurrency: { max: 1, queue: 0 } },
    routes: ROUTES,
  });
  for (let turn = 1; turn <= 3; turn++) {
    const client = new AbortController();
    const response = await ask(`${gateway.url}/f/a`, { signal: client.signal });
    const reader = response.body?.getReader();
    await reader?.read();
    client.abort();
    await reader?.read().catch(() => {});
    await until(() => closed() === turn, "the upstream sees it");
    await until(() => gateway.log.length >= turn, "the log has the request");
  }
  const last = await ask(`${gateway.url}/f/a`);
  assertEquals(last.status, 200);
  await last.body?.cancel();
});

Deno.test("an upstream that breaks off a forwarded body gives the slot back", async () => {
  await using upstream = startRawUpstream((raw) =>
    raw.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n1")
  );
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, concurrency: { max: 1, queue: 0 } },
    routes: ROUTES,
  });
  for (let turn = 0; turn < 3; turn++) {
    const response = await ask(`${gateway.url}/f/a`);
    assertEquals(response.status, 200);
    await response.text().catch(() => {});
  }
});

Deno.test("a forwarded response without a body releases the slot", async () => {
  for (
    const [method, status] of [["HEAD", 200], ["GET", 204], ["GET", 205], ["GET", 304]] as const
  ) {
    await using upstream = startUpstream(() => new Response(null, { status }));
    await using gateway = gatewayFor({
      upstream: { url: upstream.url, concurrency: { max: 1, queue: 0 } },
      routes: ROUTES,
    });
    for (let turn = 0; turn < 3; turn++) {
      const response = await ask(`${gateway.url}/f/a`, { method });
      await response.body?.cancel();
      assertEquals(response.status, status);
    }
  }
});

Deno.test("clients that leave at any moment take no slot with them", async () => {
  await using upstream = startUpstream(() =>
    new Response(new Blob(["x".repeat(100_000)]).stream())
  );
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, concurrency: { max: 2, queue: 50 } },
    routes: ROUTES,
  });
  const count = 150;
  await Promise.all(Array.from({ length: count }, async (_, index) => {
    const client = new AbortController();
    const leaving = setTimeout(() => client.abort(), index / 4);
    try {
      const response = await ask(`${gateway.url}/f/a`, { signal: client.signal });
      if (index % 2 === 0) await response.text();
      else await response.body?.cancel();
    } catch {
      // It left.
    } finally {
      clearTimeout(leaving);
    }
  }));
  const holding = await Promise.all([1, 2].map(() => ask(`${gateway.url}/f/a`)));
  const texts = await Promise.all(holding.map((response) => response.text()));
  assert(texts.every(({ length }) => length === 100_000));
});
