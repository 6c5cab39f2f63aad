import { assertEquals, assertThrows } from "@std/assert";
import { parseConfig } from "../../lib/config/parse.ts";
import { targetOf } from "../../lib/upstream/target.ts";
import { CERTIFICATES } from "../support/certificates.ts";
import { startGateway } from "../support/gateway.ts";
import { startUpstream } from "../support/upstream.ts";

const place = {
  url: new URL("file:///srv/"),
  hasFile: () => true,
  readFile: ({ pathname }: URL) =>
    pathname.endsWith("other.pem") ? CERTIFICATES.other : CERTIFICATES.good,
};
const env = () => CERTIFICATES.key;

Deno.test("parts and forwards send the Host of the upstream's virtual host, and its redirects are mapped", async () => {
  await using upstream = startUpstream(({ headers, url }) =>
    new URL(url).pathname === "/moved"
      ? new Response(null, { status: 302, headers: { location: "http://bank.internal/new" } })
      : Response.json({ host: headers.get("host") })
  );
  await using gateway = startGateway({
    upstreams: { bank: { url: upstream.url, host: "bank.internal" } },
    routes: {
      "GET /part": { gather: { it: { from: "bank", path: "/" } } },
      "GET /v1/*": { forward: { to: "bank", strip: "/v1" } },
    },
  });
  const part = await fetch(`${gateway.url}/part`);
  assertEquals((await part.json()).data, { it: { host: "bank.internal" } });
  const forwarded = await fetch(`${gateway.url}/v1/x`);
  assertEquals(await forwarded.json(), { host: "bank.internal" });
  const moved = await fetch(`${gateway.url}/v1/moved`, { redirect: "manual" });
  assertEquals(moved.headers.get("location"), "/v1/new");
  await moved.body?.cancel();
});

Deno.test("cached responses are of one virtual host, server name, CA and certificate", () => {
  const url = "https://10.0.0.1";
  const key = { env: "KEY" };
  const upstreams = {
    plain: { url },
    host: { url, host: "a" },
    otherHost: { url, host: "b" },
    ca: { url, tls: { ca: "./ca.pem" } },
    named: { url, tls: { serverName: "a" } },
    own: { url, tls: { cert: "./cert.pem", key } },
    otherOwn: { url, tls: { cert: "./other.pem", key } },
  };
  const targets = parseConfig({ upstreams, routes: {} }, env, place).upstreams.map(targetOf);
  assertEquals(new Set(targets).size, Object.keys(upstreams).length);
  assertEquals(targets.filter((target) => /PRIVATE|BEGIN/.test(target)), []);
});

const REFUSED: readonly (readonly [upstream: Record<string, unknown>, message: string])[] = [
  [{ url: "http://a", tls: { ca: "./ca.pem" } }, "needs an https:// URL"],
  [{ url: "https://a", tls: { cert: "./cert.pem" } }, "must have both cert and key"],
  [{ url: "https://a", host: "a b" }, "must be a host such as"],
  [{ url: "https://a", host: "a", transport: "fetch" }, "together with transport"],
  [{ url: "https://a", tls: { serverName: "b" }, transport: "fetch" }, "together with cert or"],
];

for (const [it, message] of REFUSED) {
  Deno.test(`config: ${JSON.stringify(it)} ${message}`, () => {
    assertThrows(() => parseConfig({ upstreams: { it }, routes: {} }, env, place), Error, message);
  });
}
