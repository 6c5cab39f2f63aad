import { assert, assertEquals } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import type { Part } from "../../lib/config/part.ts";
import type { Kind } from "../../lib/core/errors.ts";
import { ask, failedParts, readEnvelope, readProblem, timedParts } from "../support/responses.ts";
import { startGatedUpstream } from "../support/gated_upstream.ts";
import { gatewayFor, startGateway } from "../support/gateway.ts";
import { until, within } from "../support/program.ts";
import { refusingUrl, startRawUpstream } from "../support/upstream.ts";

/** How a racer ends: with its response, or in some way without one. */
const ENDS = {
  wins: undefined,
  "500": { status: 502, kind: "upstream-error" },
  "410": { status: 410, kind: "upstream-refused" },
  "429": { status: 503, kind: "overloaded" },
} as const satisfies Record<string, { readonly status: number; readonly kind: Kind } | undefined>;
type End = keyof typeof ENDS;

const KEYS: readonly End[] = ["wins", "500", "410", "429"];
const NAMES = ["a", "b", "c"] as const;
const ORDERS = ["abc", "acb", "bac", "bca", "cab", "cba"];

/** What must be streamed when the racers settle in that order: the parts, and their outcomes. */
function model(order: string, ends: Readonly<Record<string, End>>, quorum: number) {
  const won: string[] = [];
  const lost: { readonly part: string; readonly status: number; readonly kind: Kind }[] = [];
  for (const part of order) {
    const failure = ENDS[ends[part] ?? "wins"];
    if (failure) lost.push({ part, ...failure });
    else won.push(part);
    if (won.length === quorum || NAMES.length - lost.length < quorum) break;
  }
  return { won, lost, isWon: won.length === quorum };
}

for (const quorum of [1, 2, 3]) {
  Deno.test(`of three racers ${quorum} must succeed: every order of outcomes ends`, async () => {
    for (const [turn, order] of ORDERS.entries()) {
      await using upstream = startGatedUpstream(({ url }) => {
        const [, , name, end] = new URL(url).pathname.split("/");
        return Response.json(name, {
          status: end === "wins" ? 200 : Number(end),
          headers: { "retry-after": "4" },
        });
      }, "all");
      const all = KEYS.flatMap((a) => KEYS.flatMap((b) => KEYS.map((c) => ({ a, b, c }))));
      const cases = all.filter((_, index) => (index + quorum) % ORDERS.length === turn);
      const parts = (ends: Readonly<Record<string, End>>, index: number) =>
        Object.fromEntries(
          NAMES.map((name): [string, Part<"up">] => [
            name,
            { from: "up", path: `/${index}/${name}/${ends[name]}` as const },
          ]),
        );
      const routes: GatewayConfig["routes"] = Object.fromEntries(
        cases.flatMap((ends, index) => [
          [`GET /${index}`, { quorum, gather: parts(ends, index) }],
          [`GET /first/${index}`, { first: parts(ends, index) }],
        ]),
      );
      await using gateway = startGateway({ upstreams: { up: { url: upstream.url } }, routes });

      const race = async (ends: Readonly<Record<string, End>>, index: number) => {
        const isFirst = quorum === 1 && index % 2 === 0;
        const description = `${order} ${JSON.stringify(ends)}${isFirst ? " first" : ""}`;
        const answer = ask(`${gateway.url}/${isFirst ? "first/" : ""}${index}`);
        const path = (name: string) => `/${index}/${name}/${ends[name]}`;
        await Promise.all(NAMES.map((name) => upstream.reached(path(name))));
        const { won, lost, isWon } = model(order, ends, quorum);
        for (const name of order.slice(0, won.length + lost.length)) {
          const { replies } = gateway;
          upstream.open(path(name));
          await until(() => gateway.replies > replies, `${description}: ${name} has ended`);
        }
        const response = await answer;
        assertEquals(timedParts(response), [...NAMES], description);
        assertEquals(
          failedParts(response),
          lost.map(({ part, kind }) => `${part}: ${kind}`).toSorted(),
          description,
        );
        await until(() => upstream.active === 0, `${description}: the others are left`);
        const last = lost.at(-1);
        if (!isWon && last) {
          assertEquals(
            response.headers.get("retry-after"),
            // The longest of those that decided, unless no wait would help.
            last.status >= 500 && lost.some(({ status }) => status === 503) ? "4" : null,
            description,
          );
          const { problems } = await readProblem(response, last);
          assertEquals(
            problems?.map(({ part, status }) => [part, status]),
            statusesOf(lost),
            description,
          );
          return;
        }
        const { data, complete, problems = [] } = await response.json();
        assertEquals([response.status, complete], [200, true], description);
        assertEquals(response.headers.get("gateway-complete"), "?1");
        assertEquals(statusesOf(problems), statusesOf(lost), description);
        if (isFirst) assertEquals(data, won[0], description);
        else {
          for (const name of NAMES) {
            if (won.includes(name)) assertEquals(data[name], name, description);
            else if (!lost.some(({ part }) => part === name)) assert(!(name in data), description);
          }
        }
      };
      for (const [index, ends] of cases.entries()) await race(ends, index);
    }
  });
}

function statusesOf(problems: readonly { readonly part: string; readonly status: number }[]) {
  return problems.map(({ part, status }) => [part, status]);
}

Deno.test("the connection of a race's loser is closed, however much of its response has arrived", async () => {
  const beginnings = [
    "",
    "HTTP/1.1 200 O",
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1,",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n",
  ];
  await using stack = new AsyncDisposableStack();
  const begun: Promise<void>[] = [];
  const closed: Promise<void>[] = [];
  const urls = beginnings.map((beginning) => {
    const [sent, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    begun.push(sent.promise);
    closed.push(left.promise);
    return stack.use(startRawUpstream(async (raw) => {
      await raw.send(beginning);
      sent.resolve();
      await raw.closed();
      left.resolve();
    })).url;
  });
  await using winner = startGatedUpstream(async () => {
    await Promise.all(begun);
    return Response.json("won");
  });
  await using gateway = startGateway({
    upstreams: {
      winner: { url: winner.url },
      ...Object.fromEntries(urls.map((url, index) => [`slow${index}`, { url }])),
    },
    routes: {
      "GET /": {
        first: {
          ...Object.fromEntries(urls.map((_, index) => [`p${index}`, { from: `slow${index}` }])),
          last: { from: "winner" },
        },
      },
    },
  });
  const { data, problems } = await readEnvelope(await ask(gateway.url));
  assertEquals([data as unknown, problems], ["won", undefined]);
  await within(Promise.all(closed), "all connections closed");
  assertEquals(gateway.errors, []);
});

const AWAY = { away: { url: refusingUrl() } };

const say = ({ url }: Request) => {
  const { pathname } = new URL(url);
  if (pathname === "/500") return new Response("", { status: 500 });
  if (pathname === "/null") return new Response(null, { status: 204 });
  return Response.json(pathname);
};

Deno.test("an empty response can win a race", async () => {
  await using upstream = startGatedUpstream(say, ["/slow"]);
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, timeout: "2s" },
    upstreams: AWAY,
    routes: {
      "GET /": {
        first: { a: { from: "up", path: "/slow" }, b: { from: "up", path: "/null" } },
      },
    },
  });
  assertEquals(await (await ask(gateway.url)).json(), { data: null, complete: true });
});

Deno.test("who is away, too slow or broken loses to who comes later", async () => {
  await using upstream = startGatedUpstream(say, ["/slow", "/late"]);
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, timeout: "2s" },
    upstreams: AWAY,
    routes: {
      "GET /": {
        first: {
          away: { from: "away" },
          slow: { from: "up", path: "/slow", timeout: "30ms" },
          mapped: {
            from: "up",
            path: "/mapped",
            map() {
              throw new Error("secret");
            },
          },
          late: { from: "up", path: "/late" },
        },
      },
    },
  });
  const answer = ask(gateway.url);
  await until(() => upstream.paths.length === 3 && upstream.active === 1, "the others have lost");
  upstream.open("/late");
  const { data, complete, problems = [] } = await (await answer).json();
  assertEquals([data, complete], ["/late", true]);
  assertEquals(
    problems.map(({ part, status }: { part: string; status: number }) => `${part} ${status}`)
      .toSorted(),
    ["away 502", "mapped 502", "slow 504"],
  );
});

Deno.test("the deadline ends a streamed race, with the records before it", async () => {
  await using upstream = startGatedUpstream(say, ["/x", "/y"]);
  for (const quorum of [1, 2] as const) {
    await using gateway = gatewayFor({
      upstream: { url: upstream.url, timeout: "2s" },
      upstreams: AWAY,
      routes: {
        "GET /": {
          deadline: "80ms",
          quorum,
          gather: {
            failed: { from: "up", path: "/500" },
            x: { from: "up", path: "/x" },
            y: { from: "up", path: "/y" },
          },
        },
      },
    });
    const { problems = [] } = await readProblem(await ask(gateway.url), {
      status: 504,
      kind: "deadline-exceeded",
      parts: ["failed", "x", "y"],
    });
    assertEquals(problems[0]?.part, "failed");
    assertEquals(problems.slice(1).every(({ status }) => status === 504), true);
    await until(() => upstream.active === 0, "all are left");
  }
});

Deno.test("racers may need each other: one that cannot be called has lost", async () => {
  await using upstream = startGatedUpstream(say, ["/last"]);
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, timeout: "2s" },
    upstreams: AWAY,
    routes: {
      "GET /": {
        first: {
          a: { from: "up", path: "/500" },
          b: { from: "up", path: "/b", needs: ["a"] },
          c: { from: "up", path: "/last" },
        },
      },
    },
  });
  const answer = ask(gateway.url);
  await until(() => upstream.paths.length === 2 && upstream.active === 1, "one has lost");
  upstream.open("/last");
  const { data, problems } = await (await answer).json();
  assertEquals(data, "/last");
  assertEquals(statusesOf(problems), [["a", 502], ["b", 502]]);
  assertEquals(upstream.paths.toSorted(), ["/500", "/last"]);
});

Deno.test("a quorum counts parts, and not the items of their lists", async () => {
  await using upstream = startGatedUpstream(say, ["/slow"]);
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, timeout: "2s" },
    upstreams: AWAY,
    routes: {
      "GET /": {
        quorum: 2,
        gather: {
          a: { from: "up", path: "/{item}", each: "{query.i}" },
          b: { from: "up", path: "/slow" },
          c: { from: "up", path: "/c" },
        },
      },
    },
  });
  const { data } = await (await ask(`${gateway.url}/?i=1&i=2`)).json();
  assertEquals(data, { a: ["/1", "/2"], c: "/c" });
  // An item that fails fails its part here, as nothing is optional.
  const answer = ask(`${gateway.url}/?i=1&i=500`);
  await until(() => upstream.paths.filter((path) => path === "/c").length === 2, "c was asked");
  upstream.openAll();
  const { complete, problems = [], ...rest } = await (await answer).json();
  assertEquals([complete, rest.data.b, rest.data.c], [true, "/slow", "/c"]);
  for (const { part, index } of problems) assertEquals([part, index], ["a", 1]);
});

Deno.test("one race is no other's: many clients at once", async () => {
  await using upstream = startGatedUpstream(say);
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /:id": {
        first: { a: { from: "up", path: "/a/{id}" }, b: { from: "up", path: "/b/{id}" } },
      },
    },
  });
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, id) => (await ask(`${gateway.url}/${id}`)).json()),
  );
  for (const [id, { data }] of answers.entries()) {
    assert(data === `/a/${id}` || data === `/b/${id}`, `${id}: ${data}`);
  }
  await until(() => upstream.active === 0, "all are left");
  assertEquals(gateway.errors, []);
});
