import { benchGateway, BINDINGS } from "./gateway.ts";
import { Body } from "../lib/core/body.ts";
import { KvPurges } from "../lib/cache/kv_purges.ts";
import { kvTier } from "../tests/support/kv_tier.ts";
import type { CacheStore } from "../lib/cache/store.ts";
import type { Source } from "../lib/core/source.ts";
import { kilobyteOfJson } from "./parts.ts";

/**
 * A hit through the whole gateway, beside the same route whose upstream answers a constant: what
 * looking an answer up costs, when asking for it costs nothing.
 */
const bytes = kilobyteOfJson("it");
const source: Source = () =>
  Promise.resolve({
    status: 200,
    headers: new Headers({ "content-type": "application/json", "cache-control": "max-age=3600" }),
    body: Body.of(bytes),
  });

const folder = await Deno.makeTempDir();
const kv = await Deno.openKv(`${folder}/cache.kv`);
addEventListener("unload", () => {
  kv.close();
  Deno.removeSync(folder, { recursive: true });
});
const store: CacheStore = { tier: kvTier(kv), purges: new KvPurges(kv) };

const config = {
  upstreams: { plain: { source }, kept: { source, cache: {} } },
  routes: {
    "GET /plain/*": { forward: "plain" },
    "GET /kept/*": { forward: "kept" },
    "GET /parts": {
      gather: {
        a: { from: "plain", path: "/a" },
        b: { from: "plain", path: "/b" },
        c: { from: "plain", path: "/c" },
      },
    },
    "GET /kept-parts": {
      gather: {
        a: { from: "kept", path: "/a" },
        b: { from: "kept", path: "/b" },
        c: { from: "kept", path: "/c" },
      },
    },
    "GET /kept-whole": {
      cache: { ttl: "1h" },
      gather: {
        a: { from: "kept", path: "/a" },
        b: { from: "kept", path: "/b" },
        c: { from: "kept", path: "/c" },
      },
    },
  },
};
const gateway = benchGateway(config);

async function ask(app: typeof gateway, path: string): Promise<void> {
  const request = new Request(`http://127.0.0.1${path}`, { headers: { host: "127.0.0.1" } });
  const response = await app.fetch(request, BINDINGS);
  await response.bytes();
  if (response.status !== 200) throw new Error(`it answered ${response.status}`);
}

const forwards = { "a constant": "/plain/1", "a hit in memory": "/kept/1" };
for (const [name, path] of Object.entries(forwards)) {
  Deno.bench(
    { name: `forward, ${name}`, group: "forward", baseline: path === "/plain/1" },
    () => ask(gateway, path),
  );
}

const aggregates = {
  "constant parts": "/parts",
  "parts hit in memory": "/kept-parts",
  "the whole hit in memory": "/kept-whole",
};
for (const [name, path] of Object.entries(aggregates)) {
  Deno.bench(
    { name: `3 parts, ${name}`, group: "aggregate", baseline: path === "/parts" },
    () => ask(gateway, path),
  );
}

await ask(benchGateway(config, { cacheStore: store, logError() {} }), "/kept/1");
Deno.bench({ name: "forward, a hit in the store", group: "forward" }, async (b) => {
  const cold = benchGateway(config, { cacheStore: store, logError() {} });
  b.start();
  await ask(cold, "/kept/1");
  b.end();
});
