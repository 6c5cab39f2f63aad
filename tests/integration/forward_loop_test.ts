import { assertEquals } from "@std/assert";
import { readEnvelope, readProblem } from "../support/responses.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { until } from "../support/program.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";
import { askFor, problemKind } from "../support/wire.ts";

/** An upstream that passes everything on, headers included, to where it is told. */
class Detour implements AsyncDisposable {
  leadsTo = "";
  readonly upstream: TestUpstream = startUpstream((request) => {
    const { pathname, search } = new URL(request.url);
    const headers = new Headers(request.headers);
    headers.delete("host");
    return fetch(this.leadsTo + pathname + search, { headers, redirect: "manual" });
  });

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.upstream[Symbol.asyncDispose]();
  }
}

function statuses({ log }: TestGateway): (string | number | undefined)[][] {
  return log.map(({ status, problem }) => [status, problem]);
}

Deno.test("a forward that leads back to the gateway is 508 after one round", async () => {
  await using detour = new Detour();
  await using gateway = startGateway({
    upstreams: { detour: { url: detour.upstream.url } },
    routes: { "ANY /*": { forward: "detour" } },
  });
  detour.leadsTo = gateway.url;
  const { status, body } = await askFor(gateway.port, "/x");
  assertEquals([status, JSON.parse(body).type], [508, "/_gateway/problems/loop"]);
  assertEquals(detour.upstream.requests.length, 1);
  await until(() => gateway.log.length === 2, "both requests are logged");
  assertEquals(statuses(gateway), [[508, "loop"], [508, undefined]]);
});

Deno.test("a gather that leads back to the gateway is refused after one round", async () => {
  await using detour = new Detour();
  await using gateway = startGateway({
    upstreams: { detour: { url: detour.upstream.url } },
    routes: { "GET /x": { gather: { it: { from: "detour", path: "/x" } } } },
  });
  detour.leadsTo = gateway.url;
  await readProblem(await fetch(`${gateway.url}/x`), { status: 502, kind: "upstream-error" });
  assertEquals(detour.upstream.requests.length, 1);
  await until(() => gateway.log.length === 2, "both requests are logged");
  assertEquals(statuses(gateway), [[508, "loop"], [502, "upstream-error"]]);
});

Deno.test("a loop over two gateways ends where it began", async () => {
  await using first = new Detour();
  await using second = new Detour();
  await using one = startGateway({
    upstreams: { next: { url: first.upstream.url } },
    routes: { "ANY /*": { forward: "next" } },
  });
  await using two = startGateway({
    upstreams: { next: { url: second.upstream.url } },
    routes: { "ANY /*": { forward: "next" } },
  });
  first.leadsTo = two.url;
  second.leadsTo = one.url;
  assertEquals((await askFor(one.port, "/x")).status, 508);
  assertEquals([first.upstream.requests.length, second.upstream.requests.length], [1, 1]);
});

Deno.test("two gateways in a row are no loop", async () => {
  await using upstream = startUpstream((request) => Response.json(request.headers.get("via")));
  await using inner = startGateway({
    upstreams: { it: { url: upstream.url } },
    routes: { "ANY /*": { forward: "it" } },
  });
  await using outer = startGateway({
    upstreams: { inner: { url: inner.url } },
    routes: { "GET /it": { gather: { it: { from: "inner", path: "/it" } } } },
  });
  const { data } = await readEnvelope(await fetch(`${outer.url}/it`));
  assertEquals(String(data["it"]).split(", ").length, 2);
});

for (const via of ["1.1 other", "1.1 sluice", "1.1 sluice-000000000000", "sluice", ",,", "1.1 "]) {
  Deno.test(`Via "${via}" is no loop`, async () => {
    await using upstream = startUpstream(() => new Response("ok"));
    await using gateway = startGateway({
      upstreams: { it: { url: upstream.url } },
      routes: { "ANY /*": { forward: "it" } },
    });
    assertEquals((await askFor(gateway.port, "/x", `Via: ${via}\r\n`)).status, 200);
  });
}

for (
  const via of [
    (own: string) => own,
    (own: string) => `1.0 before, ${own}, 2 after`,
    (own: string) => `1.0 before,${own} (by way of)`,
    (own: string) => `1.0 before\r\nVia: ${own}`,
  ]
) {
  Deno.test(`Via "${JSON.stringify(via("1.1 OWN"))}" is a loop`, async () => {
    await using upstream = startUpstream((request) => new Response(request.headers.get("via")));
    await using gateway = startGateway({
      upstreams: { it: { url: upstream.url } },
      routes: { "ANY /*": { forward: "it" } },
    });
    const { body: own } = await askFor(gateway.port, "/x");
    const answer = await askFor(gateway.port, "/x", `Via: ${via(own)}\r\n`);
    assertEquals([answer.status, problemKind(answer)], [508, "loop"]);
    assertEquals(upstream.requests.length, 1);
  });
}
