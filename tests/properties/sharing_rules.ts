import { assert, assertEquals } from "@std/assert";
import type { Served, Told } from "./sharing_world.ts";

/** What the gateway itself tells the upstream of a forward, besides the headers of its config. */
const TOLD = [
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-forwarded-proto",
  "x-forwarded-user",
  "x-gateway",
];

/**
 * Fails where a client got what was made for a request that reached the upstream otherwise: never
 * in a part; in a forward where neither HTTP nor the config lets one response serve both.
 */
export function assertMayShare(served: Served): void {
  const { route, got, own } = served;
  if (got === own) return;
  if (route === "part") return assertEquals(JSON.parse(got).data, JSON.parse(own).data);
  const reason = whyNot(served, read(got), read(own));
  assert(reason === undefined, `${reason}: a forward's client got\n${got}\nin place of\n${own}`);
}

function read(body: string): Told {
  return JSON.parse(JSON.parse(body));
}

function whyNot({ config, headers }: Served, got: Told, own: Told): string | undefined {
  const { cache, passesKey } = config;
  const differs = (name: string) => got.headers[name] !== own.headers[name];
  const control = headers.get("cache-control") ?? "";
  const says = (...names: readonly string[]) => names.some((name) => control.includes(name));
  const varied = headers.get("vary")?.toLowerCase().split(", ") ?? [];
  const hasCookie = [got, own].some((told) => told.headers.cookie !== undefined);
  const isOverridden = cache.override && !(hasCookie && differs("cookie"));
  const told = [...TOLD, ...passesKey ? ["x-api-key"] : []].find(differs);

  const isConfigsWord = cache.ttl !== undefined && !cache.shared;

  if (isConfigsWord && differs("x-auth-request-user")) return "another header of the client's";
  if (got.path !== own.path) return "the path";
  if (got.client !== own.client) return "the client";
  if (told !== undefined) return told;
  if (headers.has("set-cookie")) return "Set-Cookie";
  if (varied.includes("*") || varied.some(differs)) return "Vary";
  if (says("private", "no-store") && !isOverridden) return "private";
  if (differs("authorization") && !says("public", "s-maxage", "must-revalidate")) {
    return "Authorization";
  }
  if (differs("cookie") && !says("public", "max-age", "s-maxage") && !cache.shared) return "Cookie";
}
