import { assert, assertEquals } from "@std/assert";
import { isWithinConfig, startGuarded } from "../support/guarded.ts";
import { property, type Random } from "../support/random.ts";
import { ask, problemKind } from "../support/wire.ts";

const PREFIXES = ["/api", "/v1", "/users", "/both", "/both/x", "/find?q=", "/head", "", "/secret"];
const PIECES = [
  "/",
  "//",
  ".",
  "..",
  "../",
  "%2e",
  "%2E%2e",
  "%2f",
  "%5c",
  "\\",
  ";",
  ";a=b",
  "%3b",
  "?",
  "%3f",
  "#",
  "%23",
  "&",
  "@",
  ":",
  "*",
  "%",
  "%0a",
  "%0d%0a",
  "%00",
  "%09",
  "%20",
  "%25",
  "%252e",
  "%c0%ae",
  "%ef%bc%8e",
  "%ff",
  "é",
  "{id}",
  "secret",
  "public",
  "api",
  "x",
  "y",
  "_gateway",
  "http://",
  "evil.example",
];
const HOSTS = [
  "gateway.example",
  "x/secret?",
  "x/../",
  "a#",
  "a@b",
  "",
  "[::1]:80",
  "é",
  "a b",
  "..",
];
const METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PROPFIND", "TRACE"];

interface Hostile {
  readonly target: string;
  readonly request: string;
}

function hostileRequest(random: Random): Hostile {
  const prefix = random.pick(PREFIXES);
  const separator = prefix.includes("?") ? "" : random.pick(["/", "/", "/", ""]);
  const target = prefix + separator + random.text(PIECES, random.pick([2, 3, 8]));
  const host = random.bool(0.8) ? "gateway.example" : random.pick(HOSTS);
  const method = random.bool(0.7) ? "GET" : random.pick(METHODS);
  const value = random.text(PIECES, random.pick([1, 2, 5]));
  return {
    target,
    request: `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nX-Value: ${value}\r\n\r\n`,
  };
}

property("no request leaves what the config names, and each is answered", 20, async (random) => {
  await using guarded = startGuarded();
  const { gateway } = guarded;
  let reached = 0;
  for (let round = 0; round < 100; round++) {
    const { request } = hostileRequest(random);
    const answer = await ask(gateway.port, request);
    const kind = request.startsWith("HEAD") ? undefined : problemKind(answer);
    const targets = guarded.takeTargets();
    for (const target of targets) assert(isWithinConfig(target), `${target} by ${request}`);
    assertEquals(gateway.errors, [], request);
    assert(kind !== "internal" && kind !== "upstream-unreachable", `${kind} by ${request}`);
    reached += targets.length;
  }
  assert(reached > 10, `only ${reached} of 100 requests tried anything`);
});
