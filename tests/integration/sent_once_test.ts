import { assertEquals } from "@std/assert";
import { startGateway } from "../support/gateway.ts";
import { startLosingUpstream } from "../support/losing_upstream.ts";

const TRANSPORTS = ["socket", "fetch"] as const;
const METHODS = ["POST", "PUT", "PATCH", "DELETE"] as const;

for (const transport of TRANSPORTS) {
  for (const method of METHODS) {
    for (const body of method === "DELETE" ? [undefined] : [undefined, "{}"]) {
      const what = `${method} ${body === undefined ? "without a body" : "with a body"}`;

      Deno.test(`${transport}, sent once: a forwarded ${what} is not repeated when an idle connection closes`, async () => {
        await using upstream = startLosingUpstream((asked) => asked === method);
        await using gateway = startGateway({
          upstreams: {
            it: { url: upstream.url, transport, retry: { attempts: 3, backoff: "1ms" } },
          },
          routes: { "ANY /*": { forward: "it" } },
        });
        await (await fetch(`${gateway.url}/warm`)).body?.cancel();
        const response = await fetch(`${gateway.url}/x`, { method, ...(body && { body }) });
        await response.body?.cancel();
        assertEquals(response.status, 502);
        assertEquals(upstream.asked.map(({ method, path }) => `${method} ${path}`), [
          "GET /warm",
          `${method} /x`,
        ]);
      });
    }
  }

  Deno.test(`${transport}, sent once: a part's POST is not repeated when an idle connection closes`, async () => {
    await using upstream = startLosingUpstream((asked) => asked === "POST");
    await using gateway = startGateway({
      upstreams: { it: { url: upstream.url, transport, retry: { attempts: 3, backoff: "1ms" } } },
      routes: {
        "GET /*": { forward: "it" },
        "POST /x": { gather: { a: { from: "it", method: "POST", path: "/x", body: {} } } },
      },
    });
    await (await fetch(`${gateway.url}/warm`)).body?.cancel();
    const response = await fetch(`${gateway.url}/x`, { method: "POST" });
    await response.body?.cancel();
    assertEquals(response.status, 502);
    assertEquals(upstream.asked.map(({ method, path }) => `${method} ${path}`), [
      "GET /warm",
      "POST /x",
    ]);
  });

  for (const method of ["GET", "HEAD"]) {
    Deno.test(`${transport}, sent once: ${method} survives an idle connection that closes`, async () => {
      let lost = 0;
      await using upstream = startLosingUpstream((_, path) => path === "/x" && lost++ === 0);
      await using gateway = startGateway({
        upstreams: { it: { url: upstream.url, transport } },
        routes: { "ANY /*": { forward: "it" } },
      });
      await (await fetch(`${gateway.url}/warm`)).body?.cancel();
      const response = await fetch(`${gateway.url}/x`, { method });
      await response.body?.cancel();
      assertEquals(response.status, 200);
      assertEquals(upstream.asked.map(({ method, path }) => `${method} ${path}`), [
        "GET /warm",
        `${method} /x`,
        `${method} /x`,
      ]);
    });
  }
}
