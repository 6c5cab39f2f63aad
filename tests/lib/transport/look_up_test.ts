import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../../lib/core/clock.ts";
import { lookUp } from "../../../lib/transport/socket/look_up.ts";
import { openHttpTransport } from "../../../lib/transport/http.ts";
import { testCall, testContext } from "../../support/context.ts";

Deno.test("a name is looked up with its TTL", async () => {
  const resolved = await lookUp("localhost");
  assertEquals(resolved?.addresses, ["127.0.0.1"]);
  assertEquals((resolved?.ttlMs ?? 0) >= 1_000, true);
});

Deno.test("a name that is no name resolves to nothing", async () => {
  assertEquals(await lookUp(""), undefined);
  assertEquals(await lookUp("a b"), undefined);
});

Deno.test("where TLS opens in one step, names are not looked up", () => {
  using two = openHttpTransport(systemClock);
  using one = openHttpTransport(systemClock, { isTlsInOneStep: true });
  assertEquals([typeof two.lookUp, typeof one.lookUp], ["function", "undefined"]);
});

Deno.test("a connection to an address has the name in TLS", async () => {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const hello = (async () => {
    using connection = await listener.accept();
    const buffer = new Uint8Array(4096);
    const count = await connection.read(buffer) ?? 0;
    return new TextDecoder("latin1").decode(buffer.subarray(0, count));
  })();
  using transport = openHttpTransport(systemClock);
  const base = `https://api.nosuchhost.invalid:${listener.addr.port}`;
  const source = transport.source(base, "socket", "127.0.0.1");
  await assertRejects(() => source(testCall(), testContext()));
  assertStringIncludes(await hello, "api.nosuchhost.invalid");
});
