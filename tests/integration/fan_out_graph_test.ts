import { assert, assertEquals } from "@std/assert";
import type { Part } from "../../lib/config/part.ts";
import { ask, readEnvelope, readProblem, timedParts } from "../support/responses.ts";
import { startGatedUpstream } from "../support/gated_upstream.ts";
import { gatewayFor } from "../support/gateway.ts";
import { nastyText } from "../support/nasty_text.ts";
import { until } from "../support/program.ts";
import { property } from "../support/random.ts";
import { refusingUrl, startUpstream } from "../support/upstream.ts";

type Parts = Readonly<Record<string, Part<"up" | "away">>>;

Deno.test("a chain is called link by link, each with the result of the one before", async () => {
  const length = 20;
  await using upstream = startGatedUpstream(({ url }) => {
    const { pathname } = new URL(url);
    return Response.json({ next: Number(pathname.slice(1)) + 1 });
  }, "all");
  const links = Array.from({ length }, (_, index): [string, Part<"up">] => [`p${index}`, {
    from: "up",
    path: index === 0 ? "/0" : `/{p${index - 1}.next}`,
  }]);
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: Object.fromEntries(links.toReversed()),
  });
  const answer = ask(gateway.url);
  for (let index = 0; index < length; index++) {
    await upstream.reached(`/${index}`);
    assertEquals([upstream.paths.length, upstream.active], [index + 1, 1]);
    upstream.open(`/${index}`);
  }
  const { data } = await readEnvelope(await answer, { parts: links.map(([name]) => name) });
  assertEquals(data.p19, { next: 20 });
});

Deno.test("forty parts that need one are called together once it has succeeded", async () => {
  const names = Array.from({ length: 40 }, (_, index) => `p${index}`);
  await using upstream = startGatedUpstream(() => Response.json({ id: 7 }), "all");
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: {
      ...Object.fromEntries(names.map((name): [string, Part<"up">] => [
        name,
        { from: "up", path: `/${name}`, params: { of: "{root.id}" } },
      ])),
      root: { from: "up", path: "/root" },
      last: { from: "up", path: "/last", needs: names },
    },
  });
  const answer = ask(gateway.url);
  await upstream.reached("/root");
  assertEquals(upstream.paths, ["/root"]);
  upstream.open("/root");
  await upstream.asked(41);
  assertEquals([upstream.active, upstream.paths.includes("/last")], [40, false]);
  for (const name of names.slice(1)) upstream.open(`/${name}?of=7`);
  await until(() => upstream.active === 1, "one is still to come");
  assertEquals(upstream.paths.length, 41);
  upstream.openAll();
  assertEquals((await readEnvelope(await answer)).complete, true);
  assertEquals(upstream.paths.at(-1), "/last");
});

Deno.test("of a diamond each side waits for the top alone", async () => {
  await using upstream = startGatedUpstream(({ url }) => Response.json(new URL(url).pathname), [
    "/left",
  ]);
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: {
      join: { from: "up", path: "/join", params: { l: "{left}", r: "{right}" } },
      left: { from: "up", path: "/left", needs: ["top"] },
      right: { from: "up", path: "/right", headers: { "x-top": "{top}" } },
      after: { from: "up", path: "/after", needs: ["right"] },
      top: { from: "up", path: "/top" },
    },
  });
  const answer = ask(gateway.url);
  await upstream.reached("/after");
  await until(() => upstream.active === 1, "one is still to come");
  assertEquals(upstream.paths.toSorted(), ["/after", "/left", "/right", "/top"]);
  upstream.open("/left");
  await readEnvelope(await answer);
  assertEquals(upstream.paths.at(-1), "/join?l=%2Fleft&r=%2Fright");
});

const VALUES: readonly unknown[] = [
  0,
  -1.5,
  1e21,
  true,
  false,
  null,
  "",
  "7",
  "\u2028\ud83d\ude00",
  [],
  [1, [null, {}]],
  {},
  { "a b": { "": 1 } },
];

Deno.test("in a body what a part said keeps its type, and beside other text it becomes text", async () => {
  const bodies: unknown[] = [];
  await using upstream = startUpstream(async (request) => {
    if (request.method === "GET") return Response.json(VALUES);
    bodies.push(await request.json());
    return Response.json(null);
  });
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: {
      all: { from: "up", path: "/all" },
      whole: { from: "up", method: "PUT", path: "/whole", body: "{all}" },
      each: {
        from: "up",
        method: "POST",
        path: "/each",
        body: { values: VALUES.map((_, index) => `{all.${index}}`), text: "<{all.0}{all.3}>" },
        needs: ["whole"],
      },
    },
  });
  await readEnvelope(await ask(gateway.url));
  assertEquals(bodies, [VALUES, { values: VALUES, text: "<0true>" }]);
});

property(
  "what a part said can change neither the path nor the query of another",
  60,
  async (random) => {
    const [segment, value] = [nastyText(random), nastyText(random)];
    const seen: URL[] = [];
    await using upstream = startUpstream(({ url }) => {
      seen.push(new URL(url));
      return Response.json({ segment, value });
    });
    await using gateway = gatewayFor({
      upstream: upstream.url,
      gather: {
        a: { from: "up", path: "/a" },
        b: {
          from: "up",
          path: "/b/{a.segment}/end{?a.value}",
          params: { again: "{a.value}", "&=": "x{a.value}" },
          optional: true,
        },
      },
    });
    const { complete, problems } = await readEnvelope(await ask(gateway.url));
    const [, url] = seen;
    if (!url) {
      assertEquals(problems?.map(({ part, type, status }) => [part, type, status]), [
        ["b", "/_gateway/problems/input-invalid", 502],
      ]);
      return;
    }
    assertEquals(complete, true);
    const [, b, written = "", end, ...more] = url.pathname.split("/");
    assertEquals([b, decodeURIComponent(written), end, more], ["b", segment, "end", []]);
    assertEquals([...url.searchParams], [["value", value], ["again", value], ["&=", `x${value}`]]);
    assertEquals(url.hash, "");
  },
);

Deno.test("what a part said that is no header is the problem of the part it was for", async () => {
  for (const value of ["a\r\nx-evil: 1", "a\nb", "a\0b", "€", "\u2028"]) {
    await using upstream = startUpstream(() => Response.json({ value }));
    await using gateway = gatewayFor({
      upstream: upstream.url,
      gather: {
        a: { from: "up", path: "/a" },
        b: { from: "up", path: "/b", headers: { "x-a": "{a.value}" }, optional: true },
      },
    });
    const { problems } = await readEnvelope(await ask(gateway.url));
    assertEquals(problems?.map(({ part, status }) => [part, status]), [["b", 502]]);
    assertEquals(upstream.requests.length, 1);
  }
});

Deno.test("inherited members are not what a part said", async () => {
  await using upstream = startUpstream(() => Response.json({ text: "x", list: [1] }));
  for (const name of ["constructor", "__proto__", "text.length", "list.-1"]) {
    await using gateway = gatewayFor({
      upstream: upstream.url,
      gather: {
        a: { from: "up", path: "/a" },
        b: { from: "up", path: "/b", method: "POST", body: `{a.${name}}`, optional: true },
      },
    });
    const { problems } = await readEnvelope(await ask(gateway.url));
    assertEquals(problems?.map(({ part, detail }) => [part, detail]), [
      ["b", `a.${name}: is missing`],
    ]);
  }
});

Deno.test("lists within lists without end are a part's problem, and no mistake of the gateway", async () => {
  const depth = 20_000;
  await using upstream = startUpstream(({ method }) =>
    method === "POST"
      ? Response.json(1)
      : new Response(`{"deep":${"[".repeat(depth)}${"]".repeat(depth)}}`)
  );
  for (const ways of [{ params: { x: "{a.deep}" } }, { headers: { "x-a": "{a.deep}" } }]) {
    await using gateway = gatewayFor({
      upstream: upstream.url,
      gather: {
        a: { from: "up", path: "/a", pick: ["deep"] },
        b: { from: "up", path: "/b", ...ways, optional: true },
        c: { from: "up", path: "/a", pick: ["deep.x"], optional: true },
      },
    });
    const { problems = [] } = await readEnvelope(await ask(gateway.url));
    assertEquals(
      problems.map(({ part, type }) => `${part} ${type.split("/").at(-1)}`).toSorted(),
      ["b input-invalid", "c upstream-invalid"],
    );
    assertEquals(gateway.errors, []);
  }
});

Deno.test("lists within lists without end that the client sends are its own mistake", async () => {
  const depth = 20_000;
  await using upstream = startUpstream(() => Response.json(1));
  await using gateway = gatewayFor({
    upstream: upstream.url,
    routes: {
      "POST /": { gather: { a: { from: "up", path: "/a", params: { x: "{body.deep}" } } } },
    },
  });
  const response = await ask(gateway.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `{"deep":${"[".repeat(depth)}${"]".repeat(depth)}}`,
  });
  await readProblem(response, { status: 400, kind: "bad-request" });
  assertEquals(gateway.errors, []);
});

Deno.test("a required part whose optional input fails fails the whole as that input did", async () => {
  const ways = [
    { part: { from: "up", path: "/500" }, status: 502 },
    { part: { from: "up", path: "/410" }, status: 410 },
    { part: { from: "up", path: "/429" }, status: 503 },
    { part: { from: "up", path: "/hang", timeout: "30ms" }, status: 504 },
    { part: { from: "away" }, status: 502 },
    { part: { from: "up", path: "/{end}" }, status: 502 },
  ] as const;
  for (const { part, status } of ways) {
    await using upstream = startGatedUpstream(({ url }) => {
      const { pathname } = new URL(url);
      const answered = Number(pathname.slice(1));
      return new Response('""', {
        status: answered || 200,
        headers: answered === 429 ? { "retry-after": "9" } : {},
      });
    }, ["/hang", "/other"]);
    await using gateway = gatewayFor({
      upstream: upstream.url,
      upstreams: { away: { url: refusingUrl() } },
      gather: {
        end: { from: "up", path: "/end" },
        input: { ...part, optional: true },
        middle: { from: "up", path: "/middle", needs: ["input"], otherwise: "x" },
        last: { from: "up", path: "/last", needs: ["middle"] },
        other: { from: "up", path: "/other", optional: true },
      },
    });
    const response = await ask(gateway.url);
    assertEquals(response.headers.get("retry-after"), status === 503 ? "9" : null);
    assertEquals(timedParts(response), ["end", "input", "last", "middle", "other"]);
    const { problems = [], detail } = await readProblem(response, { status, kind: "input-failed" });
    assertEquals(detail, "the part last is required: it needs the part middle, which failed");
    assertEquals(problems.map(({ part, status }) => [part, status]), [
      ["input", status],
      ["middle", status],
      ["last", status],
    ]);
    await until(() => upstream.active === 0, "the others are left");
    assert(!upstream.paths.some((path) => path === "/middle" || path === "/last"));
  }
});

Deno.test("the deadline ends a running chain, and the rest is not called", async () => {
  await using upstream = startGatedUpstream(() => Response.json(1), ["/b"]);
  await using gateway = gatewayFor({
    upstream: upstream.url,
    deadline: "80ms",
    gather: {
      a: { from: "up", path: "/a" },
      b: { from: "up", path: "/b", needs: ["a"], otherwise: 2 },
      c: { from: "up", path: "/c", needs: ["b"], otherwise: 3 },
      d: { from: "up", path: "/d", needs: ["c"], optional: true },
    },
  });
  const { data, problems } = await readEnvelope(await ask(gateway.url), {
    parts: ["a", "b", "c", "d"],
  });
  assertEquals(data, { a: 1, b: 2, c: 3, d: null });
  assertEquals(problems?.map(({ part, type, status }) => [part, type.split("/").at(-1), status]), [
    ["b", "deadline-exceeded", 504],
    ["c", "input-failed", 504],
    ["d", "input-failed", 504],
  ]);
  assertEquals(upstream.paths, ["/a", "/b"]);
});

Deno.test("when the client leaves within a chain, the rest is not called", async () => {
  await using upstream = startGatedUpstream(() => Response.json(1), ["/b"]);
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: {
      a: { from: "up", path: "/a" },
      b: { from: "up", path: "/b", needs: ["a"], optional: true },
      c: { from: "up", path: "/c", needs: ["b"], optional: true },
    },
  });
  const client = new AbortController();
  const leaving = ask(gateway.url, { signal: client.signal }).catch(() => "left");
  await upstream.reached("/b");
  client.abort();
  assertEquals(await leaving, "left");
  await until(() => gateway.log.length === 1, "the log has the request");
  assertEquals(gateway.log[0]?.parts?.map(({ part, problem }) => [part, problem]), [
    ["a", undefined],
    ["b", "cancelled"],
    ["c", "cancelled"],
  ]);
  await until(() => upstream.active === 0, "the upstream is left");
  assertEquals(upstream.paths, ["/a", "/b"]);
});
