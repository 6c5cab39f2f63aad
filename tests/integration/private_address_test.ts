import { assertEquals } from "@std/assert";
import { gatewayFor } from "../support/gateway.ts";
import { startUpstream } from "../support/upstream.ts";

for (const host of ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1"]) {
  Deno.test(`allowPrivate: false: nothing is sent to ${host}, by parts and forwards`, async () => {
    await using upstream = startUpstream(() => Response.json("secret"));
    const { port } = new URL(upstream.url);
    const url = `http://${host}:${port}`;
    await using gateway = gatewayFor({
      upstream: { url, allowPrivate: false },
      upstreams: { open: { url } },
      routes: {
        "GET /part": { gather: { it: { from: "up" } } },
        "GET /forward": { forward: "up" },
        "GET /open": { forward: "open" },
      },
    });
    const statusOf = async (path: string) => {
      const response = await fetch(gateway.url + path);
      const text = await response.text();
      assertEquals(text.includes("127."), false, text);
      return response.status;
    };
    assertEquals([await statusOf("/part"), await statusOf("/forward")], [502, 502]);
    assertEquals(upstream.requests.length, 0);
    assertEquals(gateway.faults.map(({ reason }) => reason), ["private-address"]);
    assertEquals(await statusOf("/open"), 200);
  });
}

Deno.test("allowPrivate: false: each of several targets is looked at", async () => {
  await using upstream = startUpstream(() => Response.json("secret"));
  await using gateway = gatewayFor({
    upstream: {
      urls: [upstream.url, upstream.url.replace("127.0.0.1", "localhost")],
      allowPrivate: false,
    },
    gather: { it: { from: "up" } },
  });
  for (let i = 0; i < 4; i++) {
    const response = await fetch(gateway.url);
    await response.body?.cancel();
    assertEquals(response.status >= 500, true);
  }
  assertEquals(upstream.requests.length, 0);
});
