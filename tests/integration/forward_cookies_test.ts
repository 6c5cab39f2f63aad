import { assertEquals } from "@std/assert";
import { startGateway } from "../support/gateway.ts";
import { startUpstream } from "../support/upstream.ts";

/** Sets the cookies that the query names. */
function startSetter() {
  return startUpstream((request) => {
    const cookies = new URL(request.url).searchParams.getAll("set");
    const headers = new Headers(cookies.map((cookie) => ["set-cookie", cookie]));
    return new Response("ok", { headers: [...headers, ["cache-control", "max-age=60"]] });
  });
}

Deno.test("cookies come back under the route's prefix, one by one", async () => {
  await using upstream = startSetter();
  const url = `${upstream.url}/internal`;
  await using gateway = startGateway({
    trustedProxies: ["127.0.0.1"],
    upstreams: { up: { url }, root: { url: upstream.url, cache: { shared: true } } },
    routes: {
      "GET /v1/*": { forward: { to: "root", strip: "/v1" } },
      "GET /v2/*": { forward: { to: "up", strip: "/v2" } },
      "GET /v3/:who/*": { forward: { to: "up", path: "/of/{who}/{rest}" } },
      "GET /users/:id": { forward: { to: "up", path: "/u/{id}" } },
      "GET /plain/*": { forward: "up" },
      "GET /as/*": { forward: { to: "root", strip: "/as", rewriteCookies: false } },
    },
  });
  const cookies = async (path: string, set: readonly string[], headers: HeadersInit = {}) => {
    const query = new URLSearchParams(set.map((cookie) => ["set", cookie]));
    const response = await fetch(`${gateway.url}${path}?${query}`, { headers });
    await response.body?.cancel();
    return response.headers.getSetCookie();
  };
  const set = [
    "a=1; Path=/internal/x; Expires=Wed, 21 Oct 2099 07:28:00 GMT",
    "b=2; Path=/",
    "c=3",
  ];
  assertEquals(await cookies("/v2/x", set), [
    "a=1; Path=/v2/x; Expires=Wed, 21 Oct 2099 07:28:00 GMT",
    "b=2; Path=/v2",
    "c=3",
  ]);
  assertEquals(await cookies("/as/x", set), set);
  assertEquals(await cookies("/v3/ada/x", ["a=1; Path=/internal/of/ada/x"]), [
    "a=1; Path=/v3/ada/x",
  ]);
  assertEquals(await cookies("/v3/a;b/x", ["a=1; Path=/internal/of/a%3Bb"]), ["a=1"]);
  assertEquals(await cookies("/users/7", ["a=1; Path=/internal/u"]), ["a=1; Path=/users"]);
  assertEquals(await cookies("/plain/x", ["a=1; Path=/internal/x"]), ["a=1; Path=/x"]);
  // A trusted proxy has removed a prefix, too; a stored response is rewritten for each client.
  const prefixed = { "x-forwarded-prefix": "/app", "x-forwarded-host": "api.example" };
  for (const [headers, path] of [[prefixed, "/app/v1/x"], [{}, "/v1/x"]] as const) {
    assertEquals(await cookies("/v1/x", ["a=1; Path=/x; Domain=127.0.0.1"], headers), [
      `a=1; Path=${path}${path === "/v1/x" ? "; Domain=127.0.0.1" : ""}`,
    ]);
  }
});
