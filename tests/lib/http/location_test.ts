import { assertEquals } from "@std/assert";
import { rewriteLocation } from "../../../lib/http/location.ts";
import { property } from "../../support/random.ts";

interface Case {
  readonly name: string;
  readonly location: string;
  readonly path?: string;
  readonly base?: string;
  readonly strip?: string;
  readonly becomes: string | undefined;
}

const ASKED = "https://api.example";

const CASES: readonly Case[] = [
  {
    name: "an absolute place at the upstream",
    location: "http://up:1/x?y=1#z",
    becomes: "/x?y=1#z",
  },
  { name: "an absolute path", location: "/x", becomes: "/x" },
  { name: "a relative path", location: "b", path: "/a/c", becomes: "/a/b" },
  { name: "a path upwards", location: "../b", path: "/a/c/d", becomes: "/a/b" },
  { name: "a query alone", location: "?x=1", path: "/a", becomes: "/a?x=1" },
  { name: "a fragment alone", location: "#x", path: "/a?q", becomes: "/a?q#x" },
  { name: "the upstream without its scheme", location: "//up:1/x", becomes: "/x" },
  { name: "the upstream's host in capitals", location: "HTTP://UP:1/x", becomes: "/x" },
  { name: "the upstream's root", location: "http://up:1", becomes: "/" },
  { name: "a place with a prefix", location: "/x", strip: "/v1", becomes: "/v1/x" },
  { name: "a root with a prefix", location: "http://up:1/", strip: "/v1", becomes: "/v1/" },
  { name: "a place below the base", location: "/base/x", base: "http://up:1/base", becomes: "/x" },
  {
    name: "a place below a base with a slash",
    location: "/base/x",
    base: "http://up:1/base/",
    becomes: "/x",
  },
  {
    name: "a relative path below the base",
    location: "b",
    path: "/a",
    base: "http://up:1/base",
    becomes: "/b",
  },
  { name: "the base itself", location: "/base", base: "http://up:1/base", becomes: "/" },
  {
    name: "the base itself, with a prefix",
    location: "/base?x",
    base: "http://up:1/base",
    strip: "/v1",
    becomes: "/v1?x",
  },
  {
    name: "a place beside the base",
    location: "/other",
    base: "http://up:1/base",
    becomes: undefined,
  },
  {
    name: "a place that begins like the base",
    location: "/based",
    base: "http://up:1/base",
    becomes: undefined,
  },
  {
    name: "another host",
    location: "https://elsewhere.example/x",
    becomes: "https://elsewhere.example/x",
  },
  { name: "another port", location: "http://up:2/x", becomes: "http://up:2/x" },
  { name: "another scheme", location: "https://up:1/x", becomes: "https://up:1/x" },
  {
    name: "another host without its scheme",
    location: "//elsewhere.example/x",
    becomes: "//elsewhere.example/x",
  },
  {
    name: "another host with UTF-8",
    location: "//elsewhere.example/caf\xc3\xa9%C3%A9",
    becomes: "//elsewhere.example/caf%C3%A9%C3%A9",
  },
  { name: "UTF-8", location: "/caf\xc3\xa9?\xc3\xa9#%C3%A9", becomes: "/caf%C3%A9?%C3%A9#%C3%A9" },
  { name: "Latin-1", location: "/caf\xe9", becomes: "/caf%E9" },
  { name: "the origin that was asked", location: `${ASKED}/x?y`, becomes: "/x?y" },
  {
    name: "the origin that was asked, by prefix",
    location: `${ASKED}/x`,
    strip: "/v1",
    becomes: "/v1/x",
  },
  {
    name: "the client's own path",
    location: "http://up:1/v1/x?y",
    strip: "/v1",
    becomes: "/v1/x?y",
  },
  {
    name: "its own path below a like prefix",
    location: "/v1/x",
    path: "/v1/a",
    strip: "/v1",
    becomes: "/v1/v1/x",
  },
  {
    name: "the client's own path beside the base",
    location: "/v1/x",
    base: "http://up:1/base",
    strip: "/v1",
    becomes: "/v1/x",
  },
  {
    name: "the path that was asked",
    location: `${ASKED}/v1/x`,
    strip: "/v1",
    becomes: `${ASKED}/v1/x`,
  },
  {
    name: "the origin that was asked, beside the base",
    location: `${ASKED}/x`,
    base: "http://up:1/base",
    becomes: `${ASKED}/x`,
  },
  { name: "another port of what was asked", location: `${ASKED}:81/x`, becomes: `${ASKED}:81/x` },
  { name: "no URL", location: "http://", becomes: "http://" },
  { name: "a mail address", location: "mailto:a@b", becomes: "mailto:a@b" },
];

for (const { name, location, path = "/", base = "http://up:1", strip = "", becomes } of CASES) {
  Deno.test(`Location: ${name} becomes ${becomes}`, () => {
    assertEquals(
      rewriteLocation(location, path, {
        base: new URL(base),
        strip,
        requested: ASKED,
        prefix: strip,
      }),
      becomes,
    );
  });
}

for (
  const location of [
    "http://up:1//evil.example/x",
    "/.//evil.example/x",
    "http://up:1/base//evil.example/x",
    "/a/..//evil.example",
  ]
) {
  Deno.test(`a place at the upstream does not become another host: ${location}`, () => {
    const base = new URL(location.includes("base") ? "http://up:1/base" : "http://up:1");
    const rewritten = rewriteLocation(location, "/", {
      base,
      strip: "",
      requested: ASKED,
      prefix: "",
    });
    if (rewritten !== undefined) {
      assertEquals(new URL(rewritten, "http://gateway").origin, "http://gateway");
    }
  });
}

property(
  "what leads to the upstream leads to the gateway, and the same place there",
  1000,
  (random) => {
    const pieces = ["/", "/", "a", "b", ".", "..", "%2f", "?", "#", ";", "é"];
    const path = `/${random.text(["a", "b", "/a", "/"], 4)}`.replaceAll(/\/+/g, "/");
    const location = random.pick(["", "/", "http://up:1/", "//up:1/"]) +
      random.text(pieces, 5).replaceAll(/\/+/g, "/").replace(/^\//, "");
    const base = new URL("http://up:1");
    const target = new URL(location, `http://up:1${path}`);
    if (target.pathname.startsWith("//")) return;
    const strip = random.pick(["", "/v1"]);
    const written = String.fromCharCode(...new TextEncoder().encode(location));
    const rewritten = rewriteLocation(written, path, {
      base,
      strip,
      requested: ASKED,
      prefix: strip,
    });
    const followed = new URL(rewritten ?? "", `http://gateway${strip}${path}`);
    assertEquals(
      followed.href,
      `http://gateway${strip}${target.pathname}${target.search}${target.hash}`,
    );
  },
);
