import { assert, assertEquals } from "@std/assert";
import type { Part } from "../../lib/config/part.ts";
import { ask, type EnvelopeDocument, readEnvelope, readProblem } from "../support/responses.ts";
import { PROBLEM_PATH } from "../../lib/http/problem.ts";
import { startGatedUpstream } from "../support/gated_upstream.ts";
import { startGateway } from "../support/gateway.ts";
import { refusingUrl, startUpstream } from "../support/upstream.ts";

const echo = (request: Request) => {
  const { pathname, search } = new URL(request.url);
  return Response.json({ path: pathname + search, id: 7, name: "a/b c", list: [1, { x: true }] });
};

Deno.test("a part uses another's data: in its path, params, headers and body", async () => {
  await using upstream = startUpstream(async (request) => {
    if (request.method === "POST") {
      return Response.json({
        path: new URL(request.url).pathname + new URL(request.url).search,
        header: request.headers.get("x-name"),
        body: await request.json(),
      });
    }
    return echo(request);
  });
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /:id": {
        gather: {
          a: { from: "up", path: "/a/{id}" },
          b: {
            from: "up",
            method: "POST",
            path: "/b/{a.name}",
            params: { list: "{a.list.0}", n: "<{a.id}>" },
            headers: { "x-name": "n {a.name}" },
            body: { all: "{a.list}", id: "{a.id}", text: "{a.id}!" },
          },
        },
      },
    },
  });
  const { data } = await readEnvelope(await ask(`${gateway.url}/1`), { parts: ["a", "b"] });
  assertEquals(data.b, {
    path: "/b/a%2Fb%20c?list=1&n=%3C7%3E",
    header: "n a/b c",
    body: { all: [1, { x: true }], id: 7, text: "7!" },
  });
});

Deno.test("what can run at once does, and what needs another waits for it", async () => {
  await using upstream = startGatedUpstream(echo, "all");
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /": {
        gather: {
          d: { from: "up", path: "/d/{b.id}/{c.id}" },
          a: { from: "up", path: "/a" },
          b: { from: "up", path: "/b/{a.id}" },
          c: { from: "up", path: "/c", needs: ["a"] },
          e: { from: "up", path: "/e" },
        },
      },
    },
  });
  const answer = ask(gateway.url);
  await Promise.all([upstream.reached("/a"), upstream.reached("/e")]);
  assertEquals(upstream.paths.toSorted(), ["/a", "/e"]);
  upstream.open("/a");
  await Promise.all([upstream.reached("/b/7"), upstream.reached("/c")]);
  upstream.open("/c");
  upstream.open("/e");
  assertEquals(upstream.paths.length, 4);
  upstream.open("/b/7");
  await upstream.reached("/d/7/7");
  upstream.openAll();
  const { data } = await readEnvelope(await answer);
  assertEquals(Object.keys(data), ["d", "a", "b", "c", "e"]);
});

const WRONG: readonly { readonly value: unknown; readonly detail: string }[] = [
  { value: { a: 1 }, detail: "a.value: must be a string, a number or a boolean" },
  { value: [1], detail: "a.value: must be a string, a number or a boolean" },
  { value: null, detail: "a.value: must be a string, a number or a boolean" },
  { value: undefined, detail: "a.value: is missing" },
  { value: "..", detail: 'a.value: must not be empty, "." or ".."' },
  { value: "", detail: 'a.value: must not be empty, "." or ".."' },
  { value: "%2e%2e", detail: "" },
  { value: "x/../y", detail: 'a.value: must not be empty, "." or ".."' },
  { value: "x/y", detail: "" },
];

for (const { value, detail } of WRONG) {
  Deno.test(`a value ${JSON.stringify(value)} of a part's: ${detail || "is encoded"}`, async () => {
    await using upstream = startUpstream(() => Response.json({ value }));
    await using gateway = startGateway({
      upstreams: { up: { url: upstream.url } },
      routes: {
        "GET /": {
          gather: {
            a: { from: "up", path: "/a" },
            b: { from: "up", path: "/b/{a.value}", optional: true },
          },
        },
      },
    });
    const { problems = [] } = await readEnvelope(await ask(gateway.url));
    const reported = problems.map(({ part, type, status, detail }) => ({
      part,
      type,
      status,
      detail,
    }));
    const type = "/_gateway/problems/input-invalid";
    assertEquals(reported, detail === "" ? [] : [{ part: "b", type, status: 502, detail }]);
    assertEquals(upstream.requests.length, detail === "" ? 2 : 1);
  });
}

Deno.test("a value that a part did not give is left out nowhere", async () => {
  for (const part of [{ params: { user: "{a.none}" } }, { headers: { "x-a": "{a.none}" } }]) {
    await using upstream = startUpstream(() => Response.json({}));
    await using gateway = startGateway({
      upstreams: { up: { url: upstream.url } },
      routes: {
        "GET /": { gather: { a: { from: "up" }, b: { from: "up", path: "/b", ...part } } },
      },
    });
    await readProblem(await ask(gateway.url), { status: 502, kind: "input-invalid" });
    assertEquals(upstream.requests.length, 1);
  }
});

Deno.test("the client's values are checked before the first call", async () => {
  await using upstream = startUpstream(echo);
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /": {
        gather: {
          a: { from: "up", path: "/a" },
          b: { from: "up", path: "/b/{a.id}/{query.x}", optional: true },
        },
      },
    },
  });
  for (const query of ["", "?x=..", "?x="]) {
    await readProblem(await ask(gateway.url + query), { status: 400, kind: "bad-request" });
  }
  assertEquals(upstream.requests.length, 0);
});

/** What an upstream may do wrong, and what that is for the client if the part is required. */
const FAILURES = {
  "/error": { status: 502, answer: () => new Response("no", { status: 500 }) },
  "/refused": { status: 404, answer: () => new Response("no", { status: 404 }) },
  "/busy": { status: 503, answer: () => new Response("no", { status: 429 }) },
  "/broken": { status: 502, answer: () => new Response("{") },
} as const;
type Failure = keyof typeof FAILURES;

const NEEDS: Readonly<Record<string, readonly string[]>> = {
  a: [],
  b: ["a"],
  c: ["a"],
  d: ["b", "c"],
  e: [],
};
const OPTIONAL: ReadonlySet<string> = new Set(["c", "d", "e"]);
const NAMES = Object.keys(NEEDS);

/** The expected response when these parts fail by themselves, and how. */
function model(failing: ReadonlyMap<string, Failure>) {
  const statuses = new Map<string, number>();
  for (const name of NAMES) {
    const input = NEEDS[name]?.find((need) => statuses.has(need));
    const failure = failing.get(name);
    if (input !== undefined) statuses.set(name, statuses.get(input) ?? 0);
    else if (failure) statuses.set(name, FAILURES[failure].status);
  }
  const fatal = NAMES.filter((name) => statuses.has(name) && !OPTIONAL.has(name));
  return { statuses, fatal };
}

const singles = NAMES.map((name) => [name]);
const pairs = NAMES.flatMap((one, index) => NAMES.slice(index + 1).map((other) => [one, other]));
for (const names of [...singles, ...pairs]) {
  Deno.test(`a graph of five in which ${names.join(" and ")} fail, each in every way`, async () => {
    await using upstream = startUpstream((request) => {
      const { pathname } = new URL(request.url);
      const failure = Object.entries(FAILURES).find(([path]) => pathname.startsWith(path));
      return failure ? failure[1].answer() : echo(request);
    });
    for (const kind of Object.keys(FAILURES)) {
      const failing = new Map(names.map((name) => [name, failureOf(kind)]));
      const part = (name: string): Part => ({
        from: "up",
        path: `${failing.get(name) ?? ""}/${name}`,
        needs: NEEDS[name] ?? [],
        ...(OPTIONAL.has(name) ? { optional: true } : {}),
      });
      await using gateway = startGateway({
        upstreams: { up: { url: upstream.url } },
        routes: {
          "GET /": { gather: Object.fromEntries(NAMES.map((name) => [name, part(name)])) },
        },
      });
      const before = upstream.requests.length;
      const response = await ask(gateway.url);
      const { statuses, fatal } = model(failing);
      if (fatal.length > 0) {
        const { status, problems } = await response.json();
        assert(fatal.some((name) => statuses.get(name) === status), `${status} of ${fatal}`);
        assert(problems.every(({ part }: { part: string }) => statuses.has(part)));
        continue;
      }
      const { data, problems = [] }: EnvelopeDocument = await readEnvelope(response);
      assertEquals(
        Object.fromEntries(problems.map(({ part, status }) => [part, status])),
        Object.fromEntries(statuses),
      );
      for (const name of NAMES) assertEquals(data[name] === null, statuses.has(name), name);
      const notAsked = NAMES.filter((name) => NEEDS[name]?.some((need) => statuses.has(need)));
      assertEquals(upstream.requests.length - before, NAMES.length - notAsked.length);
    }
  });
}

function failureOf(kind: string): Failure {
  const found = Object.keys(FAILURES).find((path): path is Failure => path === kind);
  if (found === undefined) throw new Error(`${kind} is no failure`);
  return found;
}

Deno.test("a part whose upstream is not there, and one that hangs, fail what needs them", async () => {
  await using upstream = startGatedUpstream(echo, ["/hang"]);
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url, timeout: "50ms" }, gone: { url: refusingUrl() } },
    routes: {
      "GET /": {
        gather: {
          gone: { from: "gone", optional: true },
          hang: { from: "up", path: "/hang", otherwise: { id: 1 } },
          afterGone: { from: "up", path: "/x/{gone.id}", optional: true },
          afterHang: { from: "up", path: "/y/{hang.id}", optional: true },
        },
      },
    },
  });
  const { data, problems = [] } = await readEnvelope(await ask(gateway.url));
  assertEquals(data, { gone: null, hang: { id: 1 }, afterGone: null, afterHang: null });
  assertEquals(
    Object.fromEntries(
      problems.map(({ part, type, status }) => [part, [type.slice(PROBLEM_PATH.length), status]]),
    ),
    {
      gone: ["upstream-unreachable", 502],
      hang: ["upstream-timeout", 504],
      afterGone: ["input-failed", 502],
      afterHang: ["input-failed", 504],
    },
  );
  assertEquals(upstream.paths, ["/hang"]);
});

Deno.test("parts are not called when no time is left", async () => {
  await using upstream = startGatedUpstream(echo, ["/a"]);
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /": {
        deadline: "60ms",
        gather: {
          a: { from: "up", path: "/a", optional: true },
          b: { from: "up", path: "/b/{a.id}", optional: true },
        },
      },
    },
  });
  const { problems = [] } = await readEnvelope(await ask(gateway.url));
  assertEquals(problems.map(({ status }) => status), [504, 504]);
  assertEquals(upstream.paths, ["/a"]);
});
