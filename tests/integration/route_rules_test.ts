import { assertEquals } from "@std/assert";
import { json } from "../../lib/json/json_reply.ts";
import { startGateway } from "../support/gateway.ts";

const upstreams = { own: { source: () => Promise.resolve(json(1)) } };
const gather = { it: { from: "own" } } as const;

Deno.test("a route's maxRequestBody takes the place of the gateway's, smaller and larger", async () => {
  await using gateway = startGateway({
    upstreams,
    maxRequestBody: "100B",
    routes: {
      "POST /usual": { forward: "own" },
      "POST /large": { maxRequestBody: "200B", forward: "own" },
      "POST /small": {
        maxRequestBody: "50B",
        gather: { it: { from: "own", method: "POST", body: "{body.a}" } },
      },
    },
  });
  const status = async (path: string, length: number, isChunked: boolean) => {
    const text = `{"a":"${"x".repeat(length - 8)}"}`;
    const body = isChunked ? new Blob([text]).stream() : text;
    const headers = { "content-type": "application/json" };
    const response = await fetch(gateway.url + path, { method: "POST", body, headers });
    await response.body?.cancel();
    return response.status;
  };
  for (const isChunked of [false, true]) {
    for (const [path, most] of [["/usual", 100], ["/large", 200], ["/small", 50]] as const) {
      assertEquals(await status(path, most, isChunked), 200, `${path} ${isChunked}`);
      assertEquals(await status(path, most + 1, isChunked), 413, `${path} ${isChunked}`);
    }
  }
});

Deno.test("addresses: what is denied may not come in, nor what is not allowed", async () => {
  await using gateway = startGateway({
    upstreams,
    trustedProxies: ["127.0.0.1"],
    allow: ["192.0.2.0/24", "2001:db8::/32"],
    deny: ["192.0.2.66"],
    routes: {
      "GET /usual": { gather },
      "GET /fewer": { deny: ["192.0.2.7"], gather },
      "GET /others": { allow: ["198.51.100.0/24"], gather },
    },
  });
  const from = async (path: string, address: string) => {
    const headers = { "x-forwarded-for": address };
    const response = await fetch(gateway.url + path, { headers });
    await response.body?.cancel();
    return response.status;
  };
  const cases: [path: string, address: string, status: number][] = [
    ["/usual", "192.0.2.1", 200],
    ["/usual", "::ffff:192.0.2.1", 200],
    ["/usual", "2001:db8::7", 200],
    ["/usual", "198.51.100.1", 403],
    ["/usual", "192.0.2.66", 403],
    ["/usual", "not an address", 403],
    ["/fewer", "192.0.2.1", 200],
    ["/fewer", "192.0.2.7", 403],
    ["/fewer", "192.0.2.66", 403],
    ["/others", "198.51.100.1", 200],
    ["/others", "192.0.2.1", 403],
  ];
  for (const [path, address, status] of cases) {
    assertEquals(await from(path, address), status, `${path} from ${address}`);
  }
});
