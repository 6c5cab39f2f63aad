import { assertEquals, assertMatch } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { ask } from "../support/responses.ts";
import { startGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { startRawUpstream } from "../support/upstream.ts";

type CacheConfig = NonNullable<GatewayConfig["upstreams"][string]["cache"]>;

interface Case {
  readonly said: string;
  readonly cache?: CacheConfig;
  readonly asks?: Record<string, string>;
  /** How long after it came it is asked for again (s). */
  readonly after?: number;
  readonly isServed: boolean;
}

const CASES: readonly Case[] = [
  { said: "max-age=2", isServed: true },
  { said: "max-age=2", after: 3_601, isServed: true },
  { said: "max-age=2", after: 3_602, isServed: false },
  ...["must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=2"].map((rule) => ({
    said: `max-age=2, ${rule}`,
    isServed: false,
  })),
  { said: "max-age=2, stale-if-error=1", isServed: false },
  { said: "max-age=2, stale-if-error=9", isServed: true },
  { said: "max-age=2", cache: { staleIfError: "1s" }, isServed: false },
  { said: "max-age=0", isServed: false },
  { said: "x", isServed: false },
  { said: "x", cache: { ttl: "2s" }, isServed: true },
  { said: "max-age=2", asks: { "cache-control": "no-cache" }, isServed: false },
  { said: "max-age=2, private", isServed: false },
  { said: "max-age=2", asks: { authorization: "Bearer me" }, isServed: false },
];

for (const { said, cache = {}, asks = {}, after = 4, isServed } of CASES) {
  const what = JSON.stringify({ said, cache, asks, after });
  Deno.test(`4.2.4: an origin that closes gets ${isServed ? "the stale" : "no stored"} response served: ${what}`, async () => {
    const clock = new ManualClock();
    let isUp = true;
    await using upstream = startRawUpstream(async ({ send }) => {
      if (!isUp) return;
      const date = new Date(clock.wall()).toUTCString();
      await send(
        `HTTP/1.1 200 OK\r\nDate: ${date}\r\nCache-Control: ${said}\r\nETag: "a"\r\n` +
          "Content-Length: 2\r\nConnection: close\r\n\r\nit",
      );
    });
    await using gateway = startGateway({
      upstreams: { origin: { url: upstream.url, cache } },
      routes: { "GET /*": { forward: "origin" } },
    }, { clock });
    await (await ask(`${gateway.url}/it`)).text();
    isUp = false;
    await clock.advance(after * 1_000);
    const answers = await Promise.all(
      Array.from({ length: 3 }, () => ask(`${gateway.url}/it`, { headers: asks })),
    );
    for (const response of answers) {
      const text = await response.text();
      assertEquals(response.status, isServed ? 200 : 502, text);
      if (!isServed) continue;
      assertEquals(text, "it");
      assertMatch(response.headers.get("cache-status") ?? "", /; fwd=stale; ttl=-/);
    }
  });
}
