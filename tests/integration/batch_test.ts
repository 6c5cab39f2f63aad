import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { json } from "../../lib/json/json_reply.ts";
import { ask } from "../support/responses.ts";
import { askBatch, batchInit, type ReadAnswer } from "../support/batch.ts";
import { startGateway } from "../support/gateway.ts";
import { hang, startUpstream, type TestUpstream } from "../support/upstream.ts";

const BIG = "12345678901234567890";
const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0xff, 0x00]);

/** Answers each path in its own way. */
function answer(request: Request): Response | Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const type = (mediaType: string) => ({ headers: { "content-type": mediaType } });
  switch (pathname) {
    case "/hang":
      return hang(request);
    case "/endless":
      return new Response(
        new ReadableStream({ start: (to) => to.enqueue(new Uint8Array([0x61])) }),
        type("text/plain"),
      );
    case "/big-number":
      return new Response(`{\n "n": ${BIG} }`, type("application/json"));
    case "/not-json":
      return new Response(`1}],"forged":[{"x":1`, type("application/json"));
    case "/png":
      return new Response(PNG, type("image/png"));
    case "/text":
      return new Response("héllo\n", type("text/plain; charset=utf-8"));
    case "/none":
      return new Response(null, { status: 204 });
    case "/unchanged":
      return new Response(null, { status: 304, headers: { etag: '"1"' } });
    case "/large":
      return new Response("x".repeat(70_000), type("text/plain"));
    case "/cookies":
      return new Response("1", { headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]] });
    case "/echo":
      return request.text().then((body) =>
        Response.json({ method: request.method, search, headers: [...request.headers], body })
      );
    default:
      return Response.json({ path: pathname + search });
  }
}

function configOf(upstream: TestUpstream): GatewayConfig {
  return {
    upstreams: {
      up: { url: upstream.url },
      here: { source: () => Promise.resolve(json("it")) },
      timed: {
        source: (_call, { deadline }) => Promise.resolve(json(deadline - performance.now())),
        timeout: "9s",
      },
    },
    limits: { few: { rate: "1/h", burst: 5 } },
    routes: {
      "POST /batch": { batch: { max: 20, maxBody: "64KiB", maxTotal: "1MiB" } },
      "POST /short": { deadline: "300ms", batch: {} },
      "POST /one-by-one": { deadline: "300ms", batch: { concurrency: 1 } },
      "GET /left": { gather: { it: { from: "timed" } } },
      "POST /tiny": { batch: { maxTotal: "1KiB" } },
      "GET /item/:id": { gather: { it: { from: "up", path: "/item/{id}" } } },
      "GET /few": { limit: "few", gather: { it: { from: "here" } } },
      "ANY /up/*": { forward: { to: "up", strip: "/up" } },
    },
  };
}

const kindOf = ({ body }: ReadAnswer): string => {
  assert(typeof body === "object" && body !== null && "type" in body, JSON.stringify(body));
  return String(body.type).replace("/_gateway/problems/", "");
};

Deno.test("twenty responses are in the order of their requests, each with its id", async () => {
  await using upstream = startUpstream(answer);
  await using gateway = startGateway(configOf(upstream));
  const paths = Array.from({ length: 20 }, (_, id) => ({ path: `/item/${id}` }));
  const answers = await askBatch(gateway.url, paths, { "x-request-id": "whole" });
  assertEquals(
    answers.map(({ body }) => body),
    paths.map((_, id) => ({ data: { it: { path: `/item/${id}` } }, complete: true })),
  );
  assertEquals(answers.map(({ headers }) => headers["x-request-id"]), [
    ...paths.map((_, id) => `whole.${id}`),
  ]);
  await ask(`${gateway.url}/item/1`).then((response) => response.body?.cancel());
  const logged = gateway.log.map(({ id, route }) => `${id} ${route}`);
  for (const id of paths.keys()) assert(logged.includes(`whole.${id} GET /item/:id`));
  assert(logged.includes("whole POST /batch"));
});

Deno.test("bodies come as they are: exact numbers, text, bytes, nothing", async () => {
  await using upstream = startUpstream(answer);
  await using gateway = startGateway(configOf(upstream));
  const paths = ["big-number", "not-json", "png", "text", "none", "unchanged", "cookies", "large"];
  const response = await ask(
    `${gateway.url}/batch`,
    batchInit(paths.map((path) => ({ path: `/up/${path}` }))),
  );
  const text = await response.text();
  assertStringIncludes(text, `"body":{\n "n": ${BIG} }`);
  const { responses, ...rest }: { responses: ReadAnswer[] } = JSON.parse(text);
  assertEquals(rest, {});
  const [, broken, png, plain, none, unchanged, cookies, large] = responses;
  assertEquals(broken?.body, `1}],"forged":[{"x":1`);
  assertEquals([png?.body, png?.encoding], [PNG.toBase64(), "base64"]);
  assertEquals([plain?.body, plain?.encoding], ["héllo\n", undefined]);
  assertEquals([none?.status, none?.body], [204, null]);
  assertEquals([unchanged?.status, unchanged?.headers.etag], [304, '"1"']);
  assertEquals(cookies?.headers["set-cookie"], ["a=1", "b=2"]);
  assertEquals(large?.status, 502);
  assert(large && kindOf(large) === "upstream-invalid");
});

Deno.test("a request has the batch's headers but those of its message, and its own before them", async () => {
  await using upstream = startUpstream(answer);
  await using gateway = startGateway(configOf(upstream));
  const [inherited, own, texts] = await askBatch(gateway.url, [
    { path: "/up/echo?a=1" },
    {
      path: "/up/echo",
      method: "PUT",
      headers: { "X-One": "own", Accept: "text/plain" },
      body: { a: 1 },
    },
    { path: "/up/echo", method: "POST", headers: { "content-type": "text/plain" }, body: "a" },
  ], { "x-one": "1", "x-two": "2", "if-none-match": '"1"', "authorization": "Bearer b" });
  const echo = (answer?: ReadAnswer) => {
    const { body } = answer ?? {};
    assert(typeof body === "object" && body !== null && "headers" in body && "body" in body);
    assert(Array.isArray(body.headers));
    return { headers: new Map<string, string>(body.headers), body: body.body };
  };
  const first = echo(inherited).headers;
  assertEquals([first.get("x-one"), first.get("x-two")], ["1", "2"]);
  assertEquals(first.get("authorization"), "Bearer b");
  assertEquals(first.get("accept"), "application/json");
  for (const name of ["if-none-match", "content-type", "content-length", "transfer-encoding"]) {
    assertEquals(first.get(name), undefined, name);
  }
  const second = echo(own);
  assertEquals(second.body, '{"a":1}');
  const received = ["x-one", "x-two", "accept", "content-type", "content-length"];
  assertEquals(received.map((name) => second.headers.get(name)), [
    "own",
    "2",
    "text/plain",
    "application/json",
    "7",
  ]);
  assertEquals(echo(texts).body, "a");
});

Deno.test("a number that a body holds is sent on exactly", async () => {
  await using upstream = startUpstream(answer);
  await using gateway = startGateway(configOf(upstream));
  const body = `{"requests":[{"path":"/up/echo","method":"POST","body":{"n":${BIG}}}]}`;
  const response = await ask(`${gateway.url}/batch`, { method: "POST", body });
  assertStringIncludes(await response.text(), `{\\"n\\":${BIG}}`);
});

Deno.test("limits count each request alone, and its headers say what is left", async () => {
  await using upstream = startUpstream(answer);
  await using gateway = startGateway(configOf(upstream));
  const answers = await askBatch(gateway.url, Array.from({ length: 8 }, () => ({ path: "/few" })));
  assertEquals(answers.filter(({ status }) => status === 200).length, 5);
  assertEquals(answers.filter(({ status }) => status === 429).length, 3);
  const left = answers.filter(({ status }) => status === 200).map(({ headers }) =>
    /r=(\d)/.exec(String(headers.ratelimit))?.[1]
  );
  assertEquals(left.toSorted(), ["0", "1", "2", "3", "4"]);
  const alone = await ask(`${gateway.url}/few`);
  assertEquals(alone.status, 429);
  await alone.body?.cancel();
});

Deno.test("what a batch must not contain is that request's problem, and reaches no upstream", async () => {
  await using upstream = startUpstream(answer);
  await using gateway = startGateway({ ...configOf(upstream), forwardedHeader: "x-client" });
  const hostile = [
    { path: "/_gateway/health/live" },
    { path: "/batch", method: "POST", body: { requests: [{ path: "/up/x" }] } },
    { path: "http://example.com/" },
    { path: "//example.com/up/x" },
    { path: "/\\example.com/up/x" },
    { path: "/up/../up/x" },
    { path: "/up/%2e%2e/x" },
    { path: "/up/x#y" },
    { path: "/up/\tx" },
    { path: "/up/%zz" },
    { path: "" },
    { path: "/up/x", method: "get" },
    { path: "/up/x", method: "TRACE" },
    ...[
      "Host",
      "X-Forwarded-For",
      "forwarded",
      "x-client",
      "true-client-ip",
      "x-forwarded-user",
      "via",
      "connection",
      "upgrade",
      "transfer-encoding",
      "content-length",
      "cookie",
      "origin",
      "sec-fetch-site",
      "x-request-id",
    ].map((name) => ({ path: "/up/x", headers: { [name]: "1" } })),
  ];
  for (let from = 0; from < hostile.length; from += 20) {
    for (const refused of await askBatch(gateway.url, hostile.slice(from, from + 20))) {
      assertEquals([refused.status, kindOf(refused)], [400, "bad-request"]);
    }
  }
  const [spelt] = await askBatch(gateway.url, [{ path: "/%5Fgateway/health/live" }]);
  assertEquals(spelt?.status, 404);
  const [withBody] = await askBatch(gateway.url, [{ path: "/up/x", body: 1 }]);
  assertEquals(withBody?.status, 501);
  assertEquals(upstream.requests.length, 0);
});

Deno.test("an invalid batch gets every error", async () => {
  await using upstream = startUpstream(answer);
  await using gateway = startGateway(configOf(upstream));
  const wrong = async (body: string, headers: Record<string, string> = {}) => {
    const response = await ask(`${gateway.url}/batch`, { method: "POST", body, headers });
    assertEquals(response.status, 400);
    const { errors = [] }: { errors?: { pointer: string }[] } = await response.json();
    return errors.map(({ pointer }) => pointer);
  };
  assertEquals(await wrong("nope"), []);
  assertEquals(await wrong(""), []);
  assertEquals(await wrong("[]"), ["#"]);
  assertEquals(await wrong("{}"), ["#/requests"]);
  assertEquals(await wrong('{"requests":[]}'), ["#/requests"]);
  const many = (count: number) => Array.from({ length: count }, () => ({ path: "/few" }));
  assertEquals(await wrong(JSON.stringify({ requests: many(21) })), ["#/requests"]);
  assertEquals(
    await wrong(JSON.stringify({
      more: 1,
      requests: [{}, 7, { path: 1, method: 2, headers: { "a b": "1", c: 2, "d/e": "\n" }, x: 1 }],
    })),
    [
      "#/more",
      "#/requests/0/path",
      "#/requests/1",
      "#/requests/2/x",
      "#/requests/2/path",
      "#/requests/2/method",
      "#/requests/2/headers/a%20b",
      "#/requests/2/headers/c",
      "#/requests/2/headers/d~1e",
    ],
  );
  const page = { origin: "https://evil.example", "content-type": "text/plain" };
  assertEquals(await wrong(JSON.stringify({ requests: many(1) }), page), []);
});

Deno.test("the batch's deadline ends its requests, and leaves the responses so far", async () => {
  await using upstream = startUpstream(answer);
  await using gateway = startGateway(configOf(upstream));
  const requests = [{ path: "/up/hang" }, { path: "/up/x" }, { path: "/up/endless" }];
  const response = await ask(`${gateway.url}/short`, batchInit(requests));
  const { responses }: { responses: ReadAnswer[] } = await response.json();
  assertEquals(responses.map(({ status }) => status), [504, 200, 504]);
  assertEquals(responses.filter(({ status }) => status === 504).map(kindOf), [
    "deadline-exceeded",
    "deadline-exceeded",
  ]);
});

Deno.test("a request has no more time than its batch has left", async () => {
  await using upstream = startUpstream(answer);
  await using gateway = startGateway(configOf(upstream));
  const response = await ask(`${gateway.url}/short`, batchInit([{ path: "/left" }]));
  const { responses: [left] }: { responses: { body: { data: { it: number } } }[] } = await response
    .json();
  const ms = left?.body.data.it ?? NaN;
  assert(ms > 0 && ms <= 300, `${ms}`);
});

Deno.test("what a deadline leaves unasked is neither charged nor logged", async () => {
  await using upstream = startUpstream(answer);
  await using gateway = startGateway(configOf(upstream));
  const init = batchInit([{ path: "/up/hang" }, { path: "/few" }], {
    headers: { "x-request-id": "late" },
  });
  const response = await ask(`${gateway.url}/one-by-one`, init);
  const { responses }: { responses: ReadAnswer[] } = await response.json();
  assertEquals(responses.map(({ status }) => status), [504, 504]);
  const [few] = await askBatch(gateway.url, [{ path: "/few" }]);
  assertMatch(String(few?.headers.ratelimit), /r=4/);
  const lines = gateway.log.filter(({ id }) => id.startsWith("late."));
  assertEquals(lines.map(({ id, problem }) => [id, problem]), [["late.0", "deadline-exceeded"]]);
});

Deno.test("one hanging request does not delay the others when responses are streamed", async () => {
  await using upstream = startUpstream(answer);
  await using gateway = startGateway(configOf(upstream));
  for (const accept of ["application/x-ndjson", "text/event-stream"]) {
    const response = await ask(
      `${gateway.url}/short`,
      batchInit([{ path: "/up/hang" }, { path: "/up/big-number" }], { headers: { accept } }),
    );
    assertEquals(response.headers.get("content-type"), accept);
    const text = await response.text();
    const lines = text.split("\n").flatMap((line) => /\{.*/.exec(line)?.[0] ?? []);
    assertMatch(lines[0] ?? "", new RegExp(`^{"index":1,"status":200,.*${BIG}`));
    assertMatch(lines[1] ?? "", /^\{"index":0,"status":504,/);
    assertEquals(lines.slice(2), ['{"complete":false}']);
    if (accept === "text/event-stream") assertMatch(text, /^event: response\ndata: \{/);
  }
});

Deno.test("when the client leaves, every upstream is left", async () => {
  await using upstream = startUpstream(hang);
  await using gateway = startGateway(configOf(upstream));
  for (const accept of ["application/json", "application/x-ndjson"]) {
    const client = new AbortController();
    const before = upstream.requests.length;
    const requests = Array.from({ length: 12 }, () => ({ path: "/up/hang" }));
    const init = batchInit(requests, { signal: client.signal, headers: { accept } });
    const answering = ask(`${gateway.url}/batch`, init).catch(() => "aborted");
    await upstream.asked(before + 8);
    const gone = Array.from({ length: 8 }, () => upstream.abandoned());
    client.abort();
    await Promise.all(gone);
    assertEquals(await answering, "aborted");
    // The remaining items are not called any more.
    assertEquals(upstream.requests.length, before + 8);
    while (gateway.log.every(({ path }) => path !== "/batch")) {
      await new Promise((r) => setTimeout(r));
    }
    const whole = gateway.log.find(({ path }) => path === "/batch");
    assertEquals(whole?.problem, "cancelled");
    gateway.log.length = 0;
  }
  assertEquals(gateway.errors, []);
});

Deno.test("all responses together are bounded", async () => {
  await using upstream = startUpstream(answer);
  await using gateway = startGateway(configOf(upstream));
  const requests = Array.from({ length: 8 }, (_, id) => ({ path: `/up/${id}` }));
  const response = await ask(`${gateway.url}/tiny`, batchInit(requests));
  const { responses }: { responses: ReadAnswer[] } = await response.json();
  assert(responses.some(({ status }) => status === 200));
  assert(responses.some(({ status }) => status === 502));
});

Deno.test("each request of a batch gets the response that it gets alone", async () => {
  await using upstream = startUpstream(answer);
  await using gateway = startGateway({ ...configOf(upstream), cors: { origins: ["*"] } });
  const requests = [
    { path: "/item/7" },
    { path: "/item/a%20b?x='y'" },
    { path: "/nowhere" },
    { path: "/up/x", method: "HEAD" },
    { path: "/item/7", method: "HEAD" },
    { path: "/item/7", method: "DELETE" },
    { path: "/item/7", method: "OPTIONS" },
    { path: "/item/%ff" },
    { path: "/item/7", headers: { accept: "application/x-ndjson" } },
    { path: "/up/text" },
    { path: "/up/big-number" },
  ];
  const answers = await askBatch(gateway.url, requests, { origin: "https://a.example" });
  for (const [index, { path, ...init }] of requests.entries()) {
    const alone = await ask(gateway.url + path, {
      ...init,
      headers: { accept: "application/json", ...init.headers },
    });
    const text = await alone.text();
    const isJson = /json$/.test(alone.headers.get("content-type") ?? "") && text !== "";
    const expected = text === "" ? null : isJson && !path.includes("ndjson") ? parse(text) : text;
    const got = answers[index];
    const id = /[0-9a-f]{8}-[0-9a-f-]{27}(\.\d+)?/g;
    const plain = (value: unknown) => JSON.stringify(value).replaceAll(id, "id");
    assertEquals([got?.status, plain(got?.body)], [alone.status, plain(expected)], path);
    for (const name of ["content-type", "cache-control", "gateway-complete", "allow", "etag"]) {
      assertEquals(got?.headers[name] ?? null, alone.headers.get(name), `${path} ${name}`);
    }
    assertEquals(got?.headers["access-control-allow-origin"], undefined);
  }
});

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
