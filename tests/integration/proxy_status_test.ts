import { assertEquals, assertMatch } from "@std/assert";
import { ask as askUrl } from "../support/responses.ts";
import { startGateway } from "../support/gateway.ts";
import { refusingUrl, startRawUpstream, startUpstream } from "../support/upstream.ts";
import { askFor } from "../support/wire.ts";

/** `Proxy-Status` without the gateway's name. */
function saidIn(headers: Headers): string | null {
  return headers.get("proxy-status")?.replaceAll(/sluice-\w+; ?/g, "") ?? null;
}

for (const status of [400, 404, 429, 500, 503]) {
  Deno.test(`an upstream's own ${status} is received-status, in forwards and parts`, async () => {
    await using upstream = startUpstream(() => new Response("{}", { status }));
    await using gateway = startGateway({
      upstreams: { up: { url: upstream.url } },
      routes: { "GET /f": { forward: "up" }, "GET /a": { gather: { a: { from: "up" } } } },
    });
    const forwarded = await askFor(gateway.port, "/f");
    assertEquals([forwarded.status, saidIn(forwarded.headers)], [
      status,
      `received-status=${status}`,
    ]);
    const response = await askUrl(`${gateway.url}/a`);
    await response.body?.cancel();
    assertMatch(
      saidIn(response.headers) ?? "",
      RegExp(`^received-status=${status}; ?details="a: `),
    );
  });
}

Deno.test("a forward says why no response could be had, and nothing where one is fine", async () => {
  await using silent = startRawUpstream((raw) => raw.closed());
  await using fine = startUpstream(() => new Response("ok"));
  await using gateway = startGateway({
    upstreams: {
      refusing: { url: refusingUrl() },
      silent: { url: silent.url, timeout: "50ms" },
      fine: { url: fine.url },
    },
    routes: {
      "GET /refusing": { forward: "refusing" },
      "GET /silent": { forward: "silent" },
      "GET /fine": { forward: "fine" },
    },
  });
  const said = async (path: string) => saidIn((await askFor(gateway.port, path)).headers);
  assertEquals(await said("/refusing"), "error=connection_refused");
  assertEquals(await said("/silent"), "error=http_response_timeout");
  assertEquals(await said("/fine"), null);
});

for (const cache of [undefined, { ttl: "10s" }] as const) {
  Deno.test(`what an upstream says and nobody can read is not joined (${JSON.stringify(cache)})`, async () => {
    const broken = { "proxy-status": '"odd; (', "cache-status": "Origin; hit, (((" };
    await using upstream = startUpstream(() => new Response("", { status: 404, headers: broken }));
    await using gateway = startGateway({
      upstreams: { up: { url: upstream.url, ...(cache && { cache }) } },
      routes: { "GET /f": { forward: "up" } },
    });
    const { headers } = await askFor(gateway.port, "/f");
    assertEquals(saidIn(headers), "received-status=404");
    if (cache) assertMatch(headers.get("cache-status") ?? "", /^sluice-\w+; fwd=uri-miss/);
  });
}
