import { assertEquals, assertNotEquals } from "@std/assert";
import { parseConfig } from "../../../lib/config/parse.ts";
import type { Upstream } from "../../../lib/config/upstream.ts";
import { settingsKey } from "../../../lib/upstream/settings_key.ts";

const identities = new Map<object, number>();
const identity = (of: object) => {
  const known = identities.get(of) ?? identities.size;
  identities.set(of, known);
  return known;
};
const place = { url: new URL("file:///srv/"), hasFile: () => true };

function keyOf(upstream: Upstream): string {
  const config = { upstreams: { up: upstream }, routes: {} };
  const [settings] = parseConfig(config, (name) => name, place).upstreams;
  if (settings === undefined) throw new Error("it has no upstream");
  return settingsKey(settings, identity);
}

const URL_A = "http://127.0.0.1:9001";
const BASE: Upstream = { url: URL_A };

Deno.test("equal settings have the same key, however they are written", () => {
  assertEquals(keyOf(BASE), keyOf({ url: `${URL_A}/`, timeout: "5s" }));
  const methods: Upstream = { url: URL_A, retry: { attempts: 2, methods: ["GET"] } };
  assertEquals(keyOf(methods), keyOf(structuredClone(methods)));
});

const OTHERS: Readonly<Record<string, Upstream>> = {
  "another URL": { url: "http://127.0.0.1:9002" },
  "another timeout": { url: URL_A, timeout: "4s" },
  "another header": { url: URL_A, headers: { a: "1" } },
  "a header from the environment": { url: URL_A, headers: { a: { env: "SECRET" } } },
  "a limit": { url: URL_A, concurrency: 5 },
  "another target": { urls: [URL_A, "http://127.0.0.1:9002"] },
  "another weight": { urls: [{ url: URL_A, weight: 2 }, "http://127.0.0.1:9002"] },
  "a breaker": { url: URL_A, breaker: {} },
  "another breaker": { url: URL_A, breaker: { minCalls: 5 } },
  "retries": { url: URL_A, retry: { attempts: 2 } },
  "retries of other methods": { url: URL_A, retry: { attempts: 2, methods: ["GET", "POST"] } },
  "a rate": { url: URL_A, rate: "5/s" },
  "another rate": { url: URL_A, rate: "6/s" },
  "a virtual host": { url: URL_A, host: "bank.internal" },
  "a transport": { url: URL_A, transport: "fetch" },
};

Deno.test("whatever differs makes another key", () => {
  const keys = Object.values({ ...OTHERS, base: BASE }).map(keyOf);
  assertEquals(new Set(keys).size, keys.length);
});

Deno.test("functions are equal only to themselves, and a worker's module never is", () => {
  const source = () => Promise.reject(new Error("not called"));
  assertEquals(keyOf({ source }), keyOf({ source }));
  assertNotEquals(keyOf({ source }), keyOf({ source: () => source() }));
  assertNotEquals(keyOf({ worker: "./work.ts" }), keyOf({ worker: "./work.ts" }));
});
