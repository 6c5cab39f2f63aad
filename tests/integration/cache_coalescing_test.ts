import { assert, assertEquals, assertRejects } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { ask } from "../support/responses.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { until, within } from "../support/program.ts";
import { hang, startUpstream, type TestUpstream } from "../support/upstream.ts";

const MANY = 20;
const MEBIBYTE = 1024 * 1024;

type CacheConfig = NonNullable<NonNullable<GatewayConfig["upstreams"]>[string]["cache"]>;

/** A gateway that forwards everything to the upstream, through a cache. */
function forwarding(
  { url }: TestUpstream,
  cache: CacheConfig = {},
  clock = new ManualClock(),
): TestGateway {
  return startGateway({
    upstreams: { it: { url, cache } },
    trustedProxies: ["127.0.0.1"],
    routes: {
      "ANY /*": { forward: "it" },
      "GET /slow/*": { forward: "it", deadline: "10s" },
      "GET /fast/*": { forward: { to: "it", strip: "/fast" }, deadline: "1s" },
    },
  }, { clock });
}

/** Asks many times at once. */
function askMany(
  gateway: TestGateway,
  headers: (index: number) => HeadersInit = () => ({}),
): Promise<Response>[] {
  return Array.from(
    { length: MANY },
    (_, index) => ask(`${gateway.url}/it`, { headers: headers(index) }),
  );
}

function texts(answers: readonly Promise<Response>[]): Promise<string[]> {
  return Promise.all(answers.map(async (answer) => await (await answer).text()));
}

/** Resolves when what was sent to the gateway before has come to its cache: later ones were answered. */
async function arrived(gateway: TestGateway): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    await (await ask(`${gateway.url}/_gateway/health/live`)).text();
  }
}

function statuses(responses: readonly Response[], word: string): number {
  return responses.filter(({ headers }) => headers.get("cache-status")?.includes(word)).length;
}

Deno.test("20 concurrent misses cost one call", async () => {
  const gate = Promise.withResolvers<void>();
  await using upstream = startUpstream(async () => {
    await gate.promise;
    return new Response("it", { headers: { "cache-control": "max-age=60" } });
  });
  await using gateway = forwarding(upstream);
  const answers = askMany(gateway);
  await upstream.asked(1);
  await arrived(gateway);
  gate.resolve();
  const responses = await Promise.all(answers);
  assertEquals(await texts(answers), Array(MANY).fill("it"));
  assertEquals(upstream.requests.length, 1);
  assert(statuses(responses, "collapsed") > 0);
  assertEquals(
    statuses(responses, "fwd=uri-miss; fwd-status=200; ttl=60; stored"),
    MANY -
      statuses(responses, "hit"),
  );
});

Deno.test("20 concurrent requests for a stale response cost one call", async () => {
  let made = 0;
  await using upstream = startUpstream(() =>
    new Response(`it ${++made}`, { headers: { "cache-control": "max-age=60" } })
  );
  const clock = new ManualClock();
  await using gateway = forwarding(upstream, {}, clock);
  assertEquals(await (await ask(`${gateway.url}/it`)).text(), "it 1");
  await clock.advance(60_000);
  assertEquals(await texts(askMany(gateway)), Array(MANY).fill("it 2"));
  assertEquals(upstream.requests.length, 2);
});

Deno.test("20 concurrent requests for a stale, unchanged response cost one 304", async () => {
  const headers = { "cache-control": "max-age=60", etag: '"1"' };
  await using upstream = startUpstream((request) =>
    request.headers.get("if-none-match") === '"1"'
      ? new Response(null, { status: 304, headers })
      : new Response("it", { headers })
  );
  const clock = new ManualClock();
  await using gateway = forwarding(upstream, {}, clock);
  await (await ask(`${gateway.url}/it`)).text();
  await clock.advance(60_000);
  assertEquals(await texts(askMany(gateway)), Array(MANY).fill("it"));
  assertEquals(upstream.requests.length, 2);
  assertEquals(upstream.requests[1]?.headers.get("if-none-match"), '"1"');
});

Deno.test("within stale all 20 are served at once, and one call revalidates in the background", async () => {
  const gate = Promise.withResolvers<void>();
  let made = 0;
  await using upstream = startUpstream(async () => {
    if (++made > 1) await gate.promise;
    return new Response(`it ${made}`, { headers: { "cache-control": "max-age=60" } });
  });
  const clock = new ManualClock();
  await using gateway = forwarding(upstream, { stale: "1m" }, clock);
  await (await ask(`${gateway.url}/it`)).text();
  await clock.advance(61_000);
  const answers = askMany(gateway);
  assertEquals(await texts(answers), Array(MANY).fill("it 1"));
  assertEquals(statuses(await Promise.all(answers), "hit; ttl=-1"), MANY);
  await upstream.asked(2);
  assertEquals(gateway.background.size, 1);
  gate.resolve();
  await until(() => gateway.background.size === 0, "the refresh has ended");
  assertEquals(await texts(askMany(gateway)), Array(MANY).fill("it 2"));
  assertEquals(upstream.requests.length, 2);
  assertEquals(gateway.errors, []);
});

for (const rule of ["private", "no-store"]) {
  Deno.test(`what is known to be ${rule} is asked for by all 20 at once`, async () => {
    const gate = Promise.withResolvers<void>();
    let made = 0;
    await using upstream = startUpstream(async () => {
      const mine = ++made;
      if (mine > 1) await gate.promise;
      return new Response(`it ${mine}`, { headers: { "cache-control": rule } });
    });
    await using gateway = forwarding(upstream);
    await (await ask(`${gateway.url}/it`)).text();
    const answers = askMany(gateway);
    await within(upstream.asked(1 + MANY), "all at the upstream");
    assertEquals(upstream.active, MANY);
    gate.resolve();
    assertEquals(new Set(await texts(answers)).size, MANY, "nobody shares");
  });
}

Deno.test("waiters go on together when the head shows that the response cannot be shared", async () => {
  const first = Promise.withResolvers<void>();
  const others = Promise.withResolvers<void>();
  let made = 0;
  await using upstream = startUpstream(async () => {
    const mine = ++made;
    await (mine === 1 ? first.promise : others.promise);
    return new Response(`it ${mine}`, { headers: { "cache-control": "private" } });
  });
  await using gateway = forwarding(upstream);
  const answers = askMany(gateway);
  await upstream.asked(1);
  await arrived(gateway);
  assertEquals(upstream.requests.length, 1);
  first.resolve();
  await within(upstream.asked(MANY), "all at the upstream");
  assertEquals(upstream.active, MANY - 1);
  others.resolve();
  assertEquals(new Set(await texts(answers)).size, MANY);
});

Deno.test("requests with no-store or Authorization do not stop later ones from sharing a call", async () => {
  await using upstream = startUpstream(() =>
    new Response("it", { headers: { "cache-control": "max-age=60" } })
  );
  const clock = new ManualClock();
  await using gateway = forwarding(upstream, {}, clock);
  const headers = { "cache-control": "no-store" };
  await (await ask(`${gateway.url}/it`, { headers })).text();
  await (await ask(`${gateway.url}/it`, { headers: { authorization: "Bearer me" } })).text();
  assertEquals(upstream.requests.length, 2);
  assertEquals(await texts(askMany(gateway)), Array(MANY).fill("it"));
  assertEquals(upstream.requests.length, 3);
});

Deno.test("clients share a public response, but none requested with Authorization", async () => {
  let made = 0;
  await using upstream = startUpstream((request) =>
    new Response(`it ${++made}`, {
      headers: {
        "cache-control": new URL(request.url).pathname === "/it"
          ? "public, max-age=60"
          : "max-age=60",
      },
    })
  );
  await using gateway = forwarding(upstream);
  const who = (index: number) => ({ authorization: `Bearer ${index}`, cookie: `who=${index}` });
  assertEquals(await texts(askMany(gateway, who)), Array(MANY).fill("it 1"));
  assertEquals(upstream.requests.length, 1);
  const own = await texts(
    Array.from({ length: MANY }, (_, index) => ask(`${gateway.url}/own`, { headers: who(index) })),
  );
  assertEquals(new Set(own).size, MANY);
});

Deno.test("variants are kept apart, and each is stored", async () => {
  await using upstream = startUpstream((request) =>
    new Response(request.headers.get("accept-language"), {
      headers: { "cache-control": "max-age=60", vary: "Accept-Language" },
    })
  );
  await using gateway = forwarding(upstream);
  const languages = (index: number) => ({ "accept-language": ["de", "en", "fr"][index % 3] ?? "" });
  const expected = Array.from({ length: MANY }, (_, index) => languages(index)["accept-language"]);
  assertEquals(await texts(askMany(gateway, languages)), expected);
  const asked = upstream.requests.length;
  assert(asked >= 3 && asked <= MANY);
  assertEquals(await texts(askMany(gateway, languages)), expected);
  assertEquals(upstream.requests.length, asked);
});

Deno.test("two variants whose bodies stream concurrently are both stored", async () => {
  const bodies = new Map<string, ReadableStreamDefaultController<Uint8Array>>();
  await using upstream = startUpstream((request) => {
    const language = request.headers.get("accept-language") ?? "";
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(language));
        bodies.set(language, controller);
      },
    });
    return new Response(body, {
      headers: { "cache-control": "max-age=60", vary: "Accept-Language" },
    });
  });
  await using gateway = forwarding(upstream);
  const inLanguage = (language: string) =>
    ask(`${gateway.url}/it`, { headers: { "accept-language": language } });
  const [de, en] = [await inLanguage("de"), await inLanguage("en")];
  bodies.get("de")?.close();
  assertEquals(await de.text(), "de");
  const late = await inLanguage("en");
  bodies.get("en")?.close();
  assertEquals([await en.text(), await late.text()], ["en", "en"]);
  assertEquals(upstream.requests.length, 2);
  for (const language of ["de", "en"]) {
    const again = await inLanguage(language);
    assertEquals(await again.text(), language);
    assert(again.headers.get("cache-status")?.includes("hit"), language);
  }
});

Deno.test("a waiter gets 504 at its own deadline, and the others go on waiting", async () => {
  const gate = Promise.withResolvers<void>();
  await using upstream = startUpstream(async () => {
    await gate.promise;
    return new Response("it", { headers: { "cache-control": "max-age=60" } });
  });
  const clock = new ManualClock();
  await using gateway = forwarding(upstream, {}, clock);
  // Upstreams are told the prefix that a route takes off, so it tells responses apart.
  const leader = ask(`${gateway.url}/slow/it`, { headers: { "x-forwarded-prefix": "/fast" } });
  await upstream.asked(1);
  const fast = ask(`${gateway.url}/fast/slow/it`);
  await arrived(gateway);
  await clock.advance(1_000);
  const late = await fast;
  assertEquals(late.status, 504);
  await late.text();
  gate.resolve();
  assertEquals(await (await leader).text(), "it");
  assertEquals(upstream.requests.length, 1);
});

Deno.test("when the first client leaves, the waiters still get the response of its call", async () => {
  const gate = Promise.withResolvers<void>();
  await using upstream = startUpstream(async () => {
    await gate.promise;
    return new Response("it", { headers: { "cache-control": "max-age=60" } });
  });
  await using gateway = forwarding(upstream);
  const client = new AbortController();
  const leader = ask(`${gateway.url}/it`, { signal: client.signal });
  await upstream.asked(1);
  const answers = askMany(gateway);
  await arrived(gateway);
  client.abort();
  await assertRejects(() => leader);
  await arrived(gateway);
  gate.resolve();
  assertEquals(await texts(answers), Array(MANY).fill("it"));
  assertEquals(upstream.requests.length, 1);
});

Deno.test("when all clients leave, the upstream's call is cancelled", async () => {
  await using upstream = startUpstream(hang);
  await using gateway = forwarding(upstream);
  const client = new AbortController();
  const answers = Array.from(
    { length: MANY },
    () => ask(`${gateway.url}/it`, { signal: client.signal }).catch(() => "left"),
  );
  await upstream.asked(1);
  await arrived(gateway);
  const abandoned = upstream.abandoned();
  client.abort();
  await within(abandoned, "the upstream is left");
  assertEquals(new Set(await Promise.all(answers)), new Set(["left"]));
  assertEquals(upstream.requests.length, 1);
});

/** An answer whose body the test sends, and its end. */
class Sent {
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  readonly left = Promise.withResolvers<void>();

  response(headers: HeadersInit = { "cache-control": "max-age=60" }): Response {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => this.left.resolve(),
    });
    return new Response(body, { headers });
  }

  send(bytes: string | Uint8Array): void {
    this.#controller?.enqueue(typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
  }

  end(): void {
    this.#controller?.close();
  }

  break(): void {
    this.#controller?.error(new Error("it broke off"));
  }
}

Deno.test("a client that does not read delays neither the others nor storing", async () => {
  const sent = new Sent();
  await using upstream = startUpstream(() => sent.response());
  await using gateway = forwarding(upstream);
  const slow = await ask(`${gateway.url}/it`);
  const fast = await ask(`${gateway.url}/it`);
  const bytes = new Uint8Array(3 * MEBIBYTE);
  sent.send(bytes);
  sent.end();
  assertEquals((await fast.arrayBuffer()).byteLength, bytes.length);
  const hit = await ask(`${gateway.url}/it`);
  assert(hit.headers.get("cache-status")?.includes("hit"));
  assertEquals((await hit.arrayBuffer()).byteLength, bytes.length);
  assertEquals((await slow.arrayBuffer()).byteLength, bytes.length);
  assertEquals(upstream.requests.length, 1);
});

Deno.test("a client that leaves during a body does not end it for the others", async () => {
  const sent = new Sent();
  await using upstream = startUpstream(() => sent.response());
  await using gateway = forwarding(upstream);
  const client = new AbortController();
  const leader = await ask(`${gateway.url}/it`, { signal: client.signal });
  const staying = await ask(`${gateway.url}/it`);
  sent.send("half, ");
  const reader = leader.body?.getReader();
  await reader?.read();
  client.abort();
  await until(() => gateway.log.length === 1, "the gateway knows that it left");
  sent.send("then ");
  sent.send("the rest");
  sent.end();
  assertEquals(await staying.text(), "half, then the rest");
  assertEquals(await (await ask(`${gateway.url}/it`)).text(), "half, then the rest");
  assertEquals(upstream.requests.length, 1);
});

Deno.test("when all clients leave during a body, the call is cancelled and nothing is stored", async () => {
  const sent = [new Sent(), new Sent()];
  let made = 0;
  await using upstream = startUpstream(() => sent[made++]?.response() ?? new Response());
  await using gateway = forwarding(upstream);
  const client = new AbortController();
  const responses = await Promise.all(
    [1, 2].map(() => ask(`${gateway.url}/it`, { signal: client.signal })),
  );
  sent[0]?.send("half");
  await Promise.all(responses.map((response) => response.body?.getReader().read()));
  client.abort();
  await within(sent[0]?.left.promise ?? Promise.reject(), "the upstream is left");
  const again = ask(`${gateway.url}/it`);
  await upstream.asked(2);
  sent[1]?.send("whole");
  sent[1]?.end();
  assertEquals(await (await again).text(), "whole");
});

Deno.test("a client that gets 304 does not end the body for the others", async () => {
  const gate = Promise.withResolvers<void>();
  const sent = new Sent();
  await using upstream = startUpstream(async () => {
    await gate.promise;
    return sent.response({ "cache-control": "max-age=60", etag: '"1"' });
  });
  await using gateway = forwarding(upstream);
  const knowing = ask(`${gateway.url}/it`, { headers: { "if-none-match": '"1"' } });
  await upstream.asked(1);
  gate.resolve();
  assertEquals((await knowing).status, 304);
  const other = ask(`${gateway.url}/it`);
  await arrived(gateway);
  sent.send("it");
  const response = await other;
  sent.end();
  assertEquals(await response.text(), "it");
  assert((await (await ask(`${gateway.url}/it`)).text()) === "it");
  assertEquals(upstream.requests.length, 1);
});

Deno.test("a body too large to store is passed on whole to all clients", async () => {
  const bytes = new Uint8Array(MEBIBYTE);
  await using upstream = startUpstream(() => {
    let left = 6;
    return new Response(
      new ReadableStream<Uint8Array>({
        pull(controller) {
          if (left-- > 0) controller.enqueue(bytes);
          else controller.close();
        },
      }),
      { headers: { "cache-control": "max-age=60" } },
    );
  });
  await using gateway = forwarding(upstream);
  for (let turn = 1; turn <= 2; turn++) {
    const response = await ask(`${gateway.url}/it`);
    assertEquals((await response.arrayBuffer()).byteLength, 6 * MEBIBYTE);
    assertEquals(upstream.requests.length, turn);
  }
});

Deno.test("a body whose Content-Length is too large is not stored from the start", async () => {
  await using upstream = startUpstream(() =>
    new Response(new Uint8Array(5 * MEBIBYTE), { headers: { "cache-control": "max-age=60" } })
  );
  await using gateway = forwarding(upstream);
  for (let turn = 1; turn <= 2; turn++) {
    const response = await ask(`${gateway.url}/it`);
    assert(!response.headers.get("cache-status")?.includes("stored"));
    assertEquals((await response.arrayBuffer()).byteLength, 5 * MEBIBYTE);
    assertEquals(upstream.requests.length, turn);
  }
});

Deno.test("a truncated body is not stored, and is truncated for all clients", async () => {
  const sent = new Sent();
  let made = 0;
  await using upstream = startUpstream(() =>
    made++ === 0 ? sent.response() : new Response("whole")
  );
  await using gateway = forwarding(upstream);
  const responses = [await ask(`${gateway.url}/it`), await ask(`${gateway.url}/it`)];
  sent.send("half");
  sent.break();
  for (const response of responses) await assertRejects(() => response.text());
  assertEquals(await (await ask(`${gateway.url}/it`)).text(), "whole");
  assertEquals(upstream.requests.length, 2);
});

Deno.test("a refresh whose response is not read releases the upstream", async () => {
  const sent = new Sent();
  let made = 0;
  await using upstream = startUpstream(() =>
    made++ === 0
      ? new Response("it", { headers: { "cache-control": "max-age=60" } })
      : sent.response({ "cache-control": "private" })
  );
  const clock = new ManualClock();
  await using gateway = forwarding(upstream, { stale: "1m" }, clock);
  await (await ask(`${gateway.url}/it`)).text();
  await clock.advance(61_000);
  assertEquals(await (await ask(`${gateway.url}/it`)).text(), "it");
  await upstream.asked(2);
  sent.send("mine");
  await within(sent.left.promise, "the upstream is left");
  await until(() => gateway.background.size === 0, "the refresh has ended");
});

Deno.test("a refresh whose body does not arrive times out, and releases the upstream", async () => {
  const sent = new Sent();
  let made = 0;
  await using upstream = startUpstream(() =>
    made++ === 0
      ? new Response("it", { headers: { "cache-control": "max-age=60" } })
      : sent.response()
  );
  const clock = new ManualClock();
  await using gateway = forwarding(upstream, { stale: "1m" }, clock);
  await (await ask(`${gateway.url}/it`)).text();
  await clock.advance(61_000);
  assertEquals(await (await ask(`${gateway.url}/it`)).text(), "it");
  await upstream.asked(2);
  sent.send("some");
  await arrived(gateway);
  assertEquals(gateway.background.size, 1);
  await clock.advance(1_000);
  await within(sent.left.promise, "the upstream is left");
  await until(() => gateway.background.size === 0, "the refresh has ended");
});
