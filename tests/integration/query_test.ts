import { assertEquals } from "@std/assert";
import type { Part } from "../../lib/config/part.ts";
import { json } from "../../lib/json/json_reply.ts";
import { ask } from "../support/responses.ts";
import { startGateway } from "../support/gateway.ts";
import { property, type Random } from "../support/random.ts";

/** What a part asks for a request with that query: path, header and body, or the status. */
async function asked(part: Partial<Part>, query: string): Promise<unknown> {
  await using gateway = startGateway({
    upstreams: {
      up: {
        source: async ({ path, headers, body }) =>
          json([path, headers.get("x-tags"), (await body?.json(Infinity)) ?? null]),
      },
    },
    routes: { "GET /:id": { gather: { it: { from: "up", ...part } } } },
  });
  const response = await ask(`${gateway.url}/7${query}`);
  const { data, detail } = await response.json();
  return response.ok ? data.it.filter((told: unknown) => told !== null).at(-1) : detail;
}

const QUERIES: readonly (readonly [Partial<Part>, query: string, asked: unknown])[] = [
  [{ params: { tag: "{query.tag}" } }, "?tag=a&tag=b", "/?tag=a&tag=b"],
  [{ params: { tag: "{query.tag}" } }, "?tag=", "/?tag="],
  [{ params: { tag: "{query.tag}" } }, "?tag", "/?tag="],
  [{ params: { tag: "{query.tag}" } }, "?other", "/"],
  [{ params: { tag: ["{query.tag}", "own"] } }, "?tag=a&tag=b", "/?tag=a&tag=b&tag=own"],
  [{ path: "/s{?query.tag,id}" }, "?tag=a%2Bb&tag=c+d", "/s?tag=a%2Bb&tag=c%20d&id=7"],
  [{ headers: { "x-tags": "{query.tag}" } }, "?tag=a&tag=b", "a, b"],
  [{ method: "POST", body: { t: "{query.tag}" } }, "?tag=a", { t: "a" }],
  [{ method: "POST", body: { t: "{query.tag*}" } }, "?tag=a", { t: ["a"] }],
  [{ method: "POST", body: { t: "{query.tag*}" } }, "?tag=a&tag=", { t: ["a", ""] }],
  [{ method: "POST", body: { t: "{query.tag*}" } }, "", { t: [] }],
  [
    { method: "POST", body: { t: "{query.tag}" } },
    "?tag=a&tag=b",
    "query.tag: must be sent only once; got 2 values",
  ],
  [{ params: { t: "<{query.t}>" } }, "?t=a&t=a", "query.t: must be sent only once; got 2 values"],
  [{ params: { f: "{query.filter[name]}" } }, "?filter[name]=x&filter%5Bname%5D=y", "/?f=x&f=y"],
  [{ params: { f: '{query["a b.c,{d}\\""]}' } }, "?a+b.c,%7Bd%7D%22=x", "/?f=x"],
  // The whole query.
  [{ params: "{query}" }, "", "/"],
  [{ params: "{query}" }, "?", "/"],
  [{ params: "{query}" }, "?a=%2B+%20&b&c=&a=2&&%zz", "/?a=%2B+%20&b&c=&a=2&%25zz"],
  [{ path: "/s{?query}" }, "?a=1?2&f[x]=é", "/s?a=1?2&f[x]=%C3%A9"],
  [{ path: "/s?x=1{&query}" }, "?y=2&x=evil&%78=evil&x", "/s?x=1&y=2"],
  [{ path: "/s{?query.lang}{&query}" }, "?page=2&lang=de", "/s?lang=de&page=2"],
  [
    { path: "/s{?query}", params: { user: "{id}" } },
    "?user=8&u%73er=9&q=;user=8",
    "/s?user=7&q=%3Buser=8",
  ],
];
for (const [part, query, expected] of QUERIES) {
  Deno.test(`${JSON.stringify(part)} asked with ${query} is ${JSON.stringify(expected)}`, async () => {
    assertEquals(await asked(part, query), expected);
  });
}

Deno.test("a parameter of the part's own stays its own when it has no value", async () => {
  for (
    const part of [
      { path: "/s{?query}", params: { ids: "{user.ids}" } },
      { path: "/s{?user.ids}{&query}" },
    ] as const
  ) {
    await using gateway = startGateway({
      upstreams: { up: { source: ({ path }) => Promise.resolve(json({ ids: [], path })) } },
      routes: { "GET /": { gather: { user: { from: "up" }, it: { from: "up", ...part } } } },
    });
    const { data } = await (await ask(`${gateway.url}/?a=1&ids=8`)).json();
    assertEquals(data.it.path, "/s?a=1");
  }
});

const PIECES = [
  "a",
  "b[x]",
  "=",
  "=",
  "&",
  "&",
  "+",
  "%20",
  "%2B",
  "%26",
  "%3D",
  "%",
  "%zz",
  "%ff",
  ";",
  "?",
  "é",
  "'",
  '"',
  "/",
  "..",
  "{",
  "|",
];
const randomQuery = (random: Random) => random.text(PIECES, 12);

property("the whole query arrives with the same pairs in the same order", 150, async (random) => {
  const query = randomQuery(random);
  const path = await asked({ params: "{query}" }, `?${query}`);
  assertEquals([...new URL(String(path), "http://up").searchParams], [
    ...new URLSearchParams(`&${query}`),
  ]);
});
