import { assertEquals, assertMatch } from "@std/assert";
import { ask } from "../support/responses.ts";
import { date, MovedClock, SIE } from "../support/cache_conformance.ts";
import { startGateway } from "../support/gateway.ts";
import { refusingUrl, startRawUpstream, startUpstream } from "../support/upstream.ts";

/** A gateway before an origin that says `head` and `body` as they are. */
async function rawly(
  head: string,
  body: string,
  asking: (get: () => Promise<Response>, clock: MovedClock) => Promise<void>,
): Promise<number> {
  await using upstream = startRawUpstream(async ({ send }) => {
    await send(`HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n${head}\r\n\r\n${body}`);
  });
  const clock = new MovedClock();
  await using gateway = startGateway({
    upstreams: { origin: { url: upstream.url, cache: {} } },
    routes: { "ANY /*": { forward: "origin" } },
  }, { clock });
  await asking(() => ask(`${gateway.url}/it`), clock);
  return upstream.connections;
}

async function isHit(response: Response, text: string): Promise<void> {
  assertEquals(await response.text(), text);
  assertMatch(response.headers.get("cache-status") ?? "", / hit;/);
}

Deno.test("3.1: headers that Connection names are not stored, nor Connection itself", async () => {
  const head = "Connection: close, X-Hop\r\nX-Hop: 1\r\nX-End: 1\r\nContent-Length: 2";
  const asked = await rawly(head, "it", async (get) => {
    await (await get()).text();
    const response = await get();
    const { headers } = response;
    await isHit(response, "it");
    assertEquals([headers.get("x-hop"), headers.get("x-end")], [null, "1"]);
    assertEquals(headers.get("connection"), null);
  });
  assertEquals(asked, 1);
});

Deno.test("RFC 9110 6.6.1: a response without a Date gets the time of its receipt", async () => {
  await rawly("Connection: close\r\nContent-Length: 2", "it", async (get, clock) => {
    const first = await get();
    await first.text();
    clock.move(7);
    const second = await get();
    await isHit(second, "it");
    assertEquals([first, second].map(({ headers }) => headers.get("date")), [date(0), date(0)]);
    assertEquals(second.headers.get("age"), "7");
  });
});

for (
  const [what, head, body] of [
    ["shorter than it said", "Content-Length: 9", "it"],
    ["without its last chunk", "Transfer-Encoding: chunked", "2\r\nit\r\n"],
  ] as const
) {
  Deno.test(`3.3: an answer that is ${what} is not stored`, async () => {
    const asked = await rawly(head, body, async (get) => {
      for (let turn = 0; turn < 2; turn++) {
        await get().then((response) => response.text()).catch(() => {});
      }
    });
    assertEquals(asked >= 2, true);
  });
}

Deno.test("RFC 5861 4: a stale response is served when the origin is unreachable", async () => {
  const clock = new MovedClock();
  const upstream = startUpstream(() =>
    new Response("it", { headers: { date: date(0), "cache-control": SIE } })
  );
  await using gateway = startGateway({
    upstreams: { origin: { url: upstream.url, cache: {} } },
    routes: { "ANY /*": { forward: "origin" } },
  }, { clock });
  assertEquals(await (await ask(`${gateway.url}/it`)).text(), "it");
  await upstream[Symbol.asyncDispose]();
  clock.move(65);
  const response = await ask(`${gateway.url}/it`);
  assertEquals([response.status, await response.text()], [200, "it"]);
  assertMatch(response.headers.get("cache-status") ?? "", /; fwd=stale; ttl=-5$/);
  clock.move(5);
  const failed = await ask(`${gateway.url}/it`);
  await failed.body?.cancel();
  assertEquals(failed.status, 502);
});

Deno.test("5.2.1.7: only-if-cached does not reach an origin that is down", async () => {
  await using gateway = startGateway({
    upstreams: { origin: { url: refusingUrl(), cache: {} } },
    routes: { "ANY /*": { forward: "origin" } },
  });
  const headers = { "cache-control": "only-if-cached" };
  const response = await ask(`${gateway.url}/it`, { headers });
  await response.body?.cancel();
  assertEquals(response.status, 504);
});

Deno.test("3.2: a 304 without a Date gets the time of its receipt", async () => {
  await using upstream = startRawUpstream(async ({ head, send }) => {
    const isAsked = /if-none-match/i.test(head);
    const rest = 'Cache-Control: max-age=60\r\nETag: "a"\r\nConnection: close\r\n';
    await send(
      isAsked
        ? `HTTP/1.1 304 Not Modified\r\n${rest}\r\n`
        : `HTTP/1.1 200 OK\r\nDate: ${date(0)}\r\n${rest}Content-Length: 2\r\n\r\nit`,
    );
  });
  const clock = new MovedClock();
  await using gateway = startGateway({
    upstreams: { origin: { url: upstream.url, cache: {} } },
    routes: { "ANY /*": { forward: "origin" } },
  }, { clock });
  await (await ask(`${gateway.url}/it`)).text();
  clock.move(60);
  const validated = await ask(`${gateway.url}/it`);
  assertEquals(await validated.text(), "it");
  assertEquals(validated.headers.get("date"), date(60));
  clock.move(30);
  const again = await ask(`${gateway.url}/it`);
  await isHit(again, "it");
  assertEquals([again.headers.get("age"), upstream.connections], ["30", 2]);
});
