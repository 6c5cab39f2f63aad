import { assert, assertEquals } from "@std/assert";
import { ask, readProblem } from "../support/responses.ts";
import { type Answer, type GatedUpstream, startGatedUpstream } from "../support/gated_upstream.ts";
import { gatewayFor, type TestGateway } from "../support/gateway.ts";
import { until } from "../support/program.ts";
import { RecordReader, STREAMS } from "../support/records.ts";

/** The response of a path: `/fail…` fails, `/no…` is refused, the others return their path. */
const answer: Answer = ({ url }) => {
  const { pathname } = new URL(url);
  if (pathname.startsWith("/fail")) return new Response("secret", { status: 500 });
  if (pathname.startsWith("/no")) return new Response("secret", { status: 404 });
  return Response.json(pathname);
};

/** Parts that are called concurrently, by names and paths; all but the first are optional. */
function partsOf(paths: Readonly<Record<string, `/${string}`>>) {
  return Object.fromEntries(
    Object.entries(paths).map(([name, path], index) => [name, {
      from: "up",
      path,
      ...(index === 0 ? {} : { optional: true }),
    }]),
  );
}

async function read(gateway: TestGateway, path: string, accept: string, init: RequestInit = {}) {
  return new RecordReader(await ask(gateway.url + path, { ...init, headers: { accept } }));
}

const ORDERS = ["abc", "acb", "bac", "bca", "cab", "cba"];

for (const accept of STREAMS) {
  Deno.test(`${accept}: each part is streamed when it arrives, whatever the order`, async () => {
    for (const order of ORDERS) {
      await using upstream = startGatedUpstream(answer, "all");
      await using gateway = gatewayFor({
        upstream: upstream.url,
        routes: {
          "GET /": { gather: partsOf({ a: "/a", b: "/b", c: "/c" }) },
        },
      });
      const asking = ask(gateway.url, { headers: { accept } });
      await upstream.asked(3);
      let records: RecordReader | undefined;
      for (const [index, name] of [...order].entries()) {
        upstream.open(`/${name}`);
        records ??= new RecordReader(await asking);
        assertEquals(await records.next(), { event: "part", part: name, data: `/${name}` });
        assertEquals(upstream.active, 2 - index, "the others are still to come");
      }
      assertEquals(await records?.rest(), [{ event: "done", complete: true }]);
    }
  });

  Deno.test(`${accept}: the streamed response equals the buffered one`, async () => {
    await using upstream = startGatedUpstream(answer);
    await using gateway = gatewayFor({
      upstream: upstream.url,
      routes: {
        "GET /": {
          gather: {
            root: { from: "up", path: "/root" },
            list: { from: "up", path: "/list", map: () => [1, "..", 3] },
            each: { from: "up", path: "/item/{item}", each: "{list}", optional: true },
            next: { from: "up", path: "/next", headers: { "x-root": "{root}" } },
            fails: { from: "up", path: "/fail", otherwise: { it: "stands in" } },
            after: { from: "up", path: "/after", needs: ["fails"], optional: true },
          },
        },
      },
    });
    const whole = await (await ask(gateway.url)).json();
    const records = await (await read(gateway, "/", accept)).rest();
    const { complete, problems } = whole;
    assertEquals(records.pop(), { event: "done", complete });
    const data = records.flatMap(({ event, part, index, data = null }) =>
      event === "part" || index === undefined ? [[part, data]] : []
    );
    assertEquals(Object.fromEntries(data), whole.data);
    assertEquals(data.length, 6, "each is reported once");
    const reported = records.flatMap(({ part, index, problem }) =>
      problem ? [{ part, ...(index === undefined ? {} : { index }), ...problem }] : []
    );
    const byPart = (list: { part?: string | undefined }[]) =>
      list.toSorted((a, b) => `${a.part}` < `${b.part}` ? -1 : 1);
    assertEquals(byPart(reported), byPart(problems));
  });

  Deno.test(`${accept}: a required part that fails before all others decides the status`, async () => {
    await using upstream = startGatedUpstream(answer, ["/b", "/c"]);
    await using gateway = gatewayFor({
      upstream: upstream.url,
      routes: {
        "GET /500": { gather: partsOf({ a: "/fail", b: "/b", c: "/c" }) },
        "GET /404": { gather: partsOf({ a: "/no", b: "/b", c: "/c" }) },
      },
    });
    const statuses = {
      "/500": [502, "upstream-error"],
      "/404": [404, "upstream-refused"],
    } as const;
    for (const [path, [status, kind]] of Object.entries(statuses)) {
      const response = await ask(gateway.url + path, { headers: { accept } });
      const { problems } = await readProblem(response, {
        status,
        kind,
        parts: ["a", "b", "c"],
        hidden: ["secret"],
      });
      assertEquals(problems?.map(({ part }) => part), ["a"]);
    }
    await until(() => upstream.active === 0, "the others are left");
  });

  Deno.test(`${accept}: a required part that fails later ends the rest and closes`, async () => {
    await using upstream = startGatedUpstream(answer, ["/no", "/c"]);
    await using gateway = gatewayFor({
      upstream: upstream.url,
      routes: {
        "GET /": { gather: partsOf({ a: "/no", b: "/b", c: "/c", f: "/fail" }) },
      },
    });
    const response = await ask(gateway.url, { headers: { accept } });
    const records = new RecordReader(response);
    const first = [await records.next(), await records.next()].map((record) => record?.part);
    assertEquals(first.toSorted(), ["b", "f"]);
    const left = upstream.abandoned();
    upstream.open("/no");
    await left;
    const [failed, done, ...more] = await records.rest();
    assertEquals([failed?.event, failed?.part, failed?.problem?.status], ["problem", "a", 404]);
    assertEquals([done?.event, done?.complete, done?.problem?.status], ["done", false, 404]);
    assertEquals(done?.problem?.instance, response.headers.get("x-request-id"));
    assertEquals(done?.problem?.problems?.map(({ part }) => part), ["f", "a"]);
    assertEquals(more, []);
    await until(() => upstream.active === 0, "the others are left");
    await until(() => gateway.log.length === 1, "the log has the request");
    assertEquals(gateway.log[0]?.parts?.length, 4);
    assertEquals(gateway.errors, []);
  });

  Deno.test(`${accept}: a client that prefers strict gets the first failure as the end`, async () => {
    await using upstream = startGatedUpstream(answer, ["/fail", "/c"]);
    await using gateway = gatewayFor({
      upstream: upstream.url,
      routes: {
        "GET /": { gather: partsOf({ a: "/a", f: "/fail", c: "/c" }) },
      },
    });
    const response = await ask(gateway.url, { headers: { accept, prefer: "handling=strict" } });
    assertEquals(response.headers.get("preference-applied"), "handling=strict");
    const records = new RecordReader(response);
    assertEquals((await records.next())?.part, "a");
    upstream.open("/fail");
    const rest = await records.rest();
    assertEquals(rest.map(({ event, part }) => [event, part]), [["problem", "f"], [
      "done",
      undefined,
    ]]);
    assertEquals([rest[1]?.complete, rest[1]?.problem?.status], [false, 502]);
    await until(() => upstream.active === 0, "the others are left");
  });

  Deno.test(`${accept}: the deadline closes, with a required part or an optional one missing`, async () => {
    await using upstream = startGatedUpstream(answer, ["/never", "/later"]);
    await using gateway = gatewayFor({
      upstream: upstream.url,
      routes: {
        "GET /optional": {
          deadline: "80ms",
          gather: partsOf({ a: "/a", b: "/never", c: "/later" }),
        },
        "GET /required": { deadline: "80ms", gather: partsOf({ a: "/never", b: "/b" }) },
        "GET /nothing": { deadline: "80ms", gather: partsOf({ a: "/never", b: "/later" }) },
      },
    });
    const optional = await (await read(gateway, "/optional", accept)).rest();
    assertEquals(optional.map(({ part, problem }) => [part, problem?.status]), [
      ["a", undefined],
      ["b", 504],
      ["c", 504],
      [undefined, undefined],
    ]);
    assertEquals(optional.at(-1), { event: "done", complete: false });

    const required = await (await read(gateway, "/required", accept)).rest();
    assertEquals(required.map(({ part, problem }) => [part, problem?.status]), [
      ["b", undefined],
      ["a", 504],
      [undefined, 504],
    ]);
    assertEquals(required.at(-1)?.complete, false);

    const nothing = await ask(`${gateway.url}/nothing`, { headers: { accept } });
    await readProblem(nothing, { status: 504, kind: "deadline-exceeded" });
    await until(() => upstream.active === 0, "all are left");
  });

  Deno.test(`${accept}: the deadline goes on after the first record`, async () => {
    await using upstream = startGatedUpstream(answer, ["/2", "/3"]);
    await using gateway = gatewayFor({
      upstream: upstream.url,
      routes: {
        "GET /": {
          deadline: "150ms",
          gather: {
            a: { from: "up", path: "/a" },
            b: { from: "up", path: "/2", needs: ["a"], optional: true },
            c: { from: "up", path: "/3", needs: ["b"], optional: true },
          },
        },
      },
    });
    const records = await read(gateway, "/", accept);
    assertEquals((await records.next())?.part, "a");
    upstream.open("/2");
    assertEquals((await records.next())?.part, "b");
    const rest = await records.rest();
    assertEquals(rest.map(({ event, problem }) => [event, problem?.status]), [
      ["problem", 504],
      ["done", undefined],
    ]);
  });

  Deno.test(`${accept}: a client that leaves ends every call, at once and for good`, async () => {
    for (const how of ["cancel", "abort"]) {
      await using upstream = startGatedUpstream(
        answer,
        Array.from({ length: 100 }, (_, index) => `/item/${index}`),
      );
      await using gateway = gatewayFor({
        upstream: upstream.url,
        routes: {
          "GET /": {
            gather: {
              a: { from: "up", path: "/a" },
              list: { from: "up", path: "/list", map: () => [...Array(100).keys()] },
              items: { from: "up", path: "/item/{item}", each: "{list}", concurrency: 5 },
            },
          },
        },
      });
      const client = new AbortController();
      const records = await read(gateway, "/", accept, { signal: client.signal });
      await records.next();
      await upstream.asked(2 + 5);
      if (how === "cancel") await records.leave();
      else client.abort();
      await until(() => upstream.active === 0, "all are left");
      await until(() => gateway.log.length === 1, "the log has the request");
      assertEquals(upstream.requests.length, 7, "nobody else is asked");
      assertEquals(gateway.log[0]?.parts?.map(({ part }) => part).toSorted(), [
        "a",
        "items",
        "list",
      ]);
      assertEquals(gateway.errors, []);
    }
  });

  Deno.test(`${accept}: a client that leaves before the first record ends every call`, async () => {
    await using upstream = startGatedUpstream(answer, "all");
    await using gateway = gatewayFor({
      upstream: upstream.url,
      routes: {
        "GET /": { gather: partsOf({ a: "/a", b: "/b" }) },
      },
    });
    const client = new AbortController();
    const leaving = ask(gateway.url, { headers: { accept }, signal: client.signal })
      .catch(() => "left");
    await upstream.asked(2);
    client.abort();
    assertEquals(await leaving, "left");
    await until(() => upstream.active === 0, "all are left");
    await until(() => gateway.log.length === 1, "the log has the request");
    assertEquals([gateway.log[0]?.status, gateway.log[0]?.problem], [499, "cancelled"]);
  });

  Deno.test(`${accept}: a race is streamed until it is decided`, async () => {
    await using upstream: GatedUpstream = startGatedUpstream(answer, [
      "/b",
      "/c",
      "/fail/late",
    ]);
    const parts = (...paths: `/${string}`[]) =>
      Object.fromEntries(paths.map((path, index) => [`p${index}`, { from: "up", path }]));
    await using gateway = gatewayFor({
      upstream: upstream.url,
      routes: {
        "GET /first": { first: parts("/a", "/b", "/c") },
        "GET /first/second": { first: parts("/fail", "/fail/late", "/d") },
        "GET /two": { quorum: 2, gather: parts("/a", "/b", "/d") },
        "GET /lost": { quorum: 2, gather: parts("/no", "/fail", "/c") },
        "GET /lost/late": { quorum: 2, gather: parts("/a", "/no/late", "/fail/late") },
      },
    });
    const tell = async (path: string) =>
      (await (await read(gateway, path, accept)).rest()).map(({ event, part }) => part ?? event);
    assertEquals(await tell("/first"), ["p0", "done"]);
    const [problem, winner, ...end] = await tell("/first/second");
    // The winner may be there before who fails.
    if (end.length === 0) assertEquals([problem, winner], ["p2", "done"]);
    else assertEquals([problem, winner, end], ["p0", "p2", ["done"]]);
    assertEquals((await tell("/two")).toSorted(), ["done", "p0", "p2"]);

    const lost = await ask(`${gateway.url}/lost`, { headers: { accept } });
    if (lost.headers.get("content-type") === "application/problem+json") {
      assert([404, 502].includes(lost.status));
      await lost.body?.cancel();
    } else {
      const records = await new RecordReader(lost).rest();
      assertEquals(records.at(-1)?.complete, false);
      assert([404, 502].includes(records.at(-1)?.problem?.status ?? 0));
    }

    const late = await read(gateway, "/lost/late", accept);
    await late.next();
    await late.next();
    upstream.open("/fail/late");
    const [failed, done] = await late.rest();
    assertEquals([failed?.part, failed?.problem?.status], ["p2", 502]);
    assertEquals([done?.complete, done?.problem?.status], [false, 502]);
    await until(() => upstream.active === 0, "all are left");
  });

  Deno.test(`${accept}: what an upstream writes stays one record`, async () => {
    const texts = [
      '\ufeff{\r\n\t"a": "x\\r\\ny",\n\r\n  "b": [\n1,\r2 ]\r\n}\r\n',
      '"\u2028\u2029\u0085"',
      "\n\n7\n\n",
      '\ufeff"\\n\\nevent: done\\ndata: {\\"complete\\":true}\\n\\n"',
      "[\r\r\n\n]",
      "",
    ];
    await using upstream = startGatedUpstream(({ url }) => {
      const text = texts[Number(new URL(url).pathname.slice(1))] ?? "";
      return new Response(text === "" ? null : new TextEncoder().encode(text));
    });
    const parts = Object.fromEntries(
      texts.map((_, index) => [`p${index}`, { from: "up", path: `/${index}` as const }]),
    );
    await using gateway = gatewayFor({
      upstream: upstream.url,
      routes: {
        "GET /": {
          gather: {
            ...parts,
            text: { from: "up", path: "/0", as: "text" },
            items: { from: "up", path: "/{item}", each: "{query.i}" },
            picked: { from: "up", path: "/0", pick: ["a"] },
          },
        },
      },
    });
    const values = texts.map((text) => text === "" ? null : JSON.parse(text.replace("\ufeff", "")));
    const query = texts.map((_, index) => `i=${index}`).join("&");
    const records = await (await read(gateway, `/?${query}`, accept)).rest();
    assertEquals(records.pop(), { event: "done", complete: true });
    assertEquals(
      Object.fromEntries(records.map(({ part, data }) => [part, data])),
      {
        ...Object.fromEntries(values.map((value, index) => [`p${index}`, value])),
        text: texts[0]?.replace("\ufeff", ""),
        items: values,
        picked: { a: "x\r\ny" },
      },
    );
  });

  Deno.test(`${accept}: HEAD has the same headers, no records, and leaves nothing running`, async () => {
    await using upstream = startGatedUpstream(answer, ["/b"]);
    await using gateway = gatewayFor({
      upstream: upstream.url,
      routes: {
        "GET /": { gather: partsOf({ a: "/a", b: "/b" }) },
        "GET /fails": { gather: partsOf({ a: "/no", b: "/b" }) },
      },
    });
    const headersOf = ({ headers }: Response) =>
      [...headers].filter(([name]) =>
        !["date", "x-request-id", "server-timing", "content-length", "transfer-encoding"].includes(
          name,
        )
      );
    const head = await ask(gateway.url, { method: "HEAD", headers: { accept } });
    assertEquals(await head.text(), "");
    await until(() => upstream.active === 0, "all are left");
    const get = await ask(gateway.url, { headers: { accept } });
    await get.body?.cancel();
    assertEquals([get.status, headersOf(get)], [head.status, headersOf(head)]);
    const failed = await ask(`${gateway.url}/fails`, { method: "HEAD", headers: { accept } });
    assertEquals([failed.status, await failed.text()], [404, ""]);
    await until(() => upstream.active === 0, "all are left");
  });

  Deno.test(`${accept}: a client that does not read keeps no upstream waiting`, async () => {
    // More than sockets buffer: the gateway must read the responses although the client does not.
    const big = JSON.stringify("x".repeat(3_000_000));
    await using upstream = startGatedUpstream(() => new Response(big));
    const names = Array.from({ length: 6 }, (_, index) => `p${index}`);
    await using gateway = gatewayFor({
      upstream: upstream.url,
      routes: {
        "GET /": {
          gather: Object.fromEntries(
            names.map((name) => [name, { from: "up", path: `/${name}` as const }]),
          ),
        },
      },
    });
    const records = await read(gateway, "/", accept);
    await until(() => upstream.requests.length === 6 && upstream.active === 0, "all answered");
    const rest = await records.rest();
    assertEquals(rest.length, 7);
    assertEquals(rest.map(({ part = "" }) => part).toSorted(), ["", ...names]);
    assert(rest.every(({ data }) => data === undefined || String(data).length === 3_000_000));
  });
}

Deno.test("HEAD has no Content-Length when the length is unknown", async () => {
  await using upstream = startGatedUpstream(answer);
  await using gateway = gatewayFor({
    upstream: upstream.url,
    routes: { "GET /": { gather: partsOf({ a: "/a" }) } },
  });
  for (const accept of STREAMS) {
    const response = await ask(gateway.url, { method: "HEAD", headers: { accept } });
    // RFC 9110 section 8.6: none, rather than one that GET would not have.
    assertEquals(response.headers.get("content-length"), null);
  }
});

const NEGOTIATIONS: readonly (readonly [accept: string, type: string])[] = [
  ["application/x-ndjson;q=0.2, text/event-stream;q=0.9", "text/event-stream"],
  ["application/x-ndjson;q=0.9, text/event-stream;q=0.2", "application/x-ndjson"],
  ["text/event-stream, */*;q=0.1", "text/event-stream"],
  ["application/json;q=0, application/x-ndjson;q=0.1", "application/x-ndjson"],
  ["application/x-ndjson;q=0.000, text/event-stream;q=0.001", "text/event-stream"],
  ["application/json, application/x-ndjson", "application/json"],
  ["application/*, text/event-stream;q=0.1", "application/json"],
  ["application/x-ndjson ; q = 0.1 , application/json", "application/json"],
  ['text/html;x="a, text/event-stream"', "application/json"],
  ["text/x-ndjson, text/event-streams, application/x-ndjson2", "application/json"],
  // A wildcard matches everything that is not named, and so the whole document.
  ["*/*, text/event-stream;q=0.1", "application/json"],
  ["application/x-ndjson;q=0.5, */*;q=0.8", "application/json"],
];
for (const [accept, type] of NEGOTIATIONS) {
  Deno.test(`Accept: ${accept} gets ${type}`, async () => {
    await using upstream = startGatedUpstream(answer);
    await using gateway = gatewayFor({
      upstream: upstream.url,
      routes: {
        "GET /": { gather: partsOf({ a: "/a" }) },
        "GET /fails": { gather: partsOf({ a: "/fail" }) },
      },
    });
    const response = await ask(gateway.url, { headers: { accept } });
    await response.text();
    assertEquals(response.headers.get("content-type"), type);
    assertEquals(response.headers.get("vary"), "Accept, Prefer");
    const failed = await ask(`${gateway.url}/fails`, { headers: { accept } });
    await readProblem(failed, { status: 502, kind: "upstream-error" });
  });
}
