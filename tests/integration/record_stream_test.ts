import { assert, assertEquals, assertMatch } from "@std/assert";
import { ask, readProblem } from "../support/responses.ts";
import { startGatedUpstream } from "../support/gated_upstream.ts";
import { startGateway } from "../support/gateway.ts";

const NDJSON = { accept: "application/x-ndjson" };
const SSE = { accept: "text/event-stream" };

/** The response of `/x`: its path, over several lines; `/fail…` fails. */
const answer = ({ url }: Request) => {
  const { pathname } = new URL(url);
  if (pathname.startsWith("/fail")) return new Response("", { status: 500 });
  return new Response(`\ufeff{\r\n  "path": "${pathname}",\n  "text": "a\\n\u2028"\n}\n`);
};

const parts = {
  a: { from: "up", path: "/a" },
  b: { from: "up", path: "/b", optional: true },
  c: { from: "up", path: "/c", optional: true },
} as const;

/** The lines of a response, one by one, with their ends; then nothing. */
function linesOf(response: Response): () => Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return async () => {
    while (!text.includes("\n")) {
      const { done = true, value = "" } = await reader?.read() ?? {};
      if (done) return text;
      text += value;
    }
    const line = text.slice(0, text.indexOf("\n") + 1);
    text = text.slice(line.length);
    return line;
  };
}

const data = (path: string) => ({ path, text: "a\n\u2028" });

Deno.test("parts are streamed as they arrive, a line each, and then the last record", async () => {
  await using upstream = startGatedUpstream(answer, "all");
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: { "GET /": { gather: parts } },
  });
  const asked = ask(gateway.url, { headers: NDJSON });
  await upstream.asked(3);
  upstream.open("/c");
  const response = await asked;
  assertEquals([response.status, response.headers.get("content-type")], [200, NDJSON.accept]);
  assertEquals(response.headers.get("cache-control"), "no-store");
  assertEquals(response.headers.get("gateway-complete"), null);
  const next = linesOf(response);
  assertEquals(JSON.parse(await next()), { part: "c", data: data("/c") });
  assertEquals(upstream.active, 2);
  for (const name of ["a", "b"]) {
    upstream.open(`/${name}`);
    const line = await next();
    assertMatch(line, /^[^\n\r]+\n$/);
    assertEquals(JSON.parse(line), { part: name, data: data(`/${name}`) });
  }
  assertEquals([JSON.parse(await next()), await next()], [{ complete: true }, ""]);
});

Deno.test("the same as server-sent events", async () => {
  await using upstream = startGatedUpstream(answer);
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /": { gather: { a: parts.a, f: { from: "up", path: "/fail", otherwise: [] } } },
    },
  });
  const response = await ask(gateway.url, { headers: SSE });
  assertEquals(response.headers.get("content-type"), SSE.accept);
  const events = (await response.text()).split("\n\n").slice(0, -1).map((event) => {
    const [, name = "", line = ""] = /^event: (\w+)\ndata: ([^\n]+)$/.exec(event) ?? [];
    return [name, JSON.parse(line)];
  }).toSorted();
  const { problem, ...failed } = events[2]?.[1];
  assertEquals(events.map(([name]) => name), ["done", "part", "problem"]);
  assertEquals(events[0]?.[1], { complete: false });
  assertEquals(events[1]?.[1], { part: "a", data: data("/a") });
  assertEquals([failed, problem.status], [{ part: "f", data: [] }, 502]);
});

Deno.test("a required part that fails first fails the whole, as a problem document", async () => {
  await using upstream = startGatedUpstream(answer, ["/b", "/c"]);
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: { "GET /": { gather: { ...parts, a: { from: "up", path: "/fail" } } } },
  });
  for (const headers of [NDJSON, SSE]) {
    const response = await ask(gateway.url, { headers });
    await readProblem(response, { status: 502, kind: "upstream-error" });
  }
  await until(() => upstream.active === 0);
});

Deno.test("a required part that fails later ends the rest, and the last record says it", async () => {
  await using upstream = startGatedUpstream(answer, ["/fail", "/c"]);
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: { "GET /": { gather: { ...parts, a: { from: "up", path: "/fail" } } } },
  });
  const response = await ask(gateway.url, { headers: NDJSON });
  const next = linesOf(response);
  assertEquals(JSON.parse(await next()).part, "b");
  upstream.open("/fail");
  const failed = JSON.parse(await next());
  assertEquals([failed.part, failed.problem.status], ["a", 502]);
  const { complete, problem } = JSON.parse(await next());
  assertEquals([complete, problem.status, problem.instance], [
    false,
    502,
    response.headers.get("x-request-id"),
  ]);
  assertEquals(await next(), "");
  await until(() => upstream.active === 0);
});

Deno.test("at the deadline the last record comes, whatever is missing", async () => {
  await using upstream = startGatedUpstream(answer, ["/b", "/c"]);
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: { "GET /": { deadline: "100ms", gather: parts } },
  });
  const lines = (await (await ask(gateway.url, { headers: NDJSON })).text()).trim().split("\n")
    .map((line) => JSON.parse(line));
  assertEquals(lines.map(({ part }) => part), ["a", "b", "c", undefined]);
  assertEquals([lines[1].problem.status, lines[2].problem.status], [504, 504]);
  assertEquals(lines[3], { complete: false });
});

Deno.test("a client that leaves cancels every call, and its line is logged", async () => {
  for (const headers of [NDJSON, SSE]) {
    await using upstream = startGatedUpstream(answer, ["/b", "/c"]);
    await using gateway = startGateway({
      upstreams: { up: { url: upstream.url } },
      routes: { "GET /": { gather: parts } },
    });
    const client = new AbortController();
    const response = await ask(gateway.url, { headers, signal: client.signal });
    const next = linesOf(response);
    await next();
    client.abort();
    await until(() => upstream.active === 0);
    await until(() => gateway.log.length === 1);
    assertEquals(gateway.log[0]?.parts?.map(({ part }) => part), ["a", "b", "c"]);
    assertEquals(gateway.errors, []);
  }
});

Deno.test("races are streamed, too", async () => {
  await using upstream = startGatedUpstream(answer, ["/c"]);
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /first": { first: { a: parts.a, c: { from: "up", path: "/c" } } },
      "GET /two": {
        quorum: 2,
        gather: { a: parts.a, b: { from: "up", path: "/b" }, c: { from: "up", path: "/c" } },
      },
    },
  });
  for (const [path, count] of [["/first", 1], ["/two", 2]] as const) {
    const text = await (await ask(gateway.url + path, { headers: NDJSON })).text();
    const lines = text.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(lines.length, count + 1);
    assertEquals(lines.at(-1), { complete: true });
  }
  await until(() => upstream.active === 0);
});

Deno.test("HEAD has the headers, no records, and leaves nothing running", async () => {
  await using upstream = startGatedUpstream(answer, ["/b", "/c"]);
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: { "GET /": { gather: parts } },
  });
  const response = await ask(gateway.url, { method: "HEAD", headers: SSE });
  assertEquals([response.status, response.headers.get("content-type")], [200, SSE.accept]);
  assertEquals(await response.text(), "");
  await until(() => upstream.active === 0);
});

for (
  const [accept, type] of [
    ["*/*", "application/json"],
    ["text/html, application/xml;q=0.9", "application/json"],
    ["application/json, text/event-stream;q=0.9", "application/json"],
    ["application/json;q=0.1, application/x-ndjson", "application/x-ndjson"],
    ["APPLICATION/X-NDJSON", "application/x-ndjson"],
    ["application/x-ndjson;q=0", "application/json"],
    ["text/event-stream;q=x", "text/event-stream"],
    ["", "application/json"],
  ] as const
) {
  Deno.test(`Accept: ${accept} gets ${type}`, async () => {
    await using upstream = startGatedUpstream(answer);
    await using gateway = startGateway({
      upstreams: { up: { url: upstream.url } },
      routes: { "GET /": { gather: parts } },
    });
    const response = await ask(gateway.url, { headers: { accept } });
    assertEquals(response.headers.get("content-type"), type);
    assert((await response.text()).length > 0);
    assertEquals(response.headers.get("vary"), "Accept, Prefer");
  });
}

async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + 5_000;
  while (!isSo()) {
    if (performance.now() > end) throw new Error("it never came to that");
    await new Promise((resolve) => setTimeout(resolve));
  }
}
