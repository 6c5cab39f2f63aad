import { assertEquals } from "@std/assert";
import { Body } from "../../lib/core/body.ts";
import type { ExactNumber } from "../../lib/json/exact_number.ts";
import type { Call, Reply, Source } from "../../lib/core/source.ts";
import { ask } from "../support/responses.ts";
import { startGateway } from "../support/gateway.ts";
import { nastyNumber } from "../support/nasty_json.ts";
import { property, type Random } from "../support/random.ts";

/** What of a part's call was made of values. */
async function told({ path, headers, body }: Call): Promise<string> {
  const sent = body ? new TextDecoder().decode(await body.bytes(Infinity)) : "";
  return [path, headers.get("x-id") ?? "", sent].join(" ").trim();
}

const ROUTE = {
  doc: { from: "up", path: "/doc" },
  segment: { from: "up", path: "/segment/{doc.id}{?doc.ids}" },
  params: {
    from: "up",
    path: "/params",
    params: { id: "{doc.id}", ids: "{doc.ids}", t: "<{doc.id}>" },
  },
  head: { from: "up", path: "/header", headers: { "x-id": "{doc.id}" } },
  sent: {
    from: "up",
    method: "POST",
    path: "/body",
    body: { id: "{doc.id}", ids: "{doc.ids}", any: ["{doc.any}"] },
  },
  each: { from: "up", path: "/each/{item.n}", each: "{doc.items}" },
  select: { from: "up", path: "/doc", select: "/any" },
  pick: { from: "up", path: "/doc", pick: ["id", "items.n"] },
  pages: { from: "up", path: "/pages", pages: { next: "/next", param: "after", items: "/items" } },
  map: {
    from: "up",
    path: "/doc",
    exact: true,
    map: ({ id, ids }: { id: ExactNumber; ids: unknown }) => ({ text: String(id), id, ids }),
  },
} as const;

/** Numbers as they stand in one document, wherever they are passed on. */
function randomNumbers(random: Random) {
  return {
    id: nastyNumber(random),
    ids: random.list(1, 4, () => nastyNumber(random)),
    items: random.list(1, 4, () => nastyNumber(random)),
    any: random.pick([nastyNumber(random), '"10.10 \\u0061\\ud800"', "true", "null"]),
  };
}

/** As RFC 6570 writes a number: `+` is not its own. */
const encoded = (number: string) => number.replaceAll("+", "%2B");

property("numbers keep their digits through every part", 150, async (random) => {
  const { id, ids, items, any } = randomNumbers(random);
  const list = `[${items.map((n) => `{"n":${n}}`).join(",")}]`;
  const doc = `{"id":0,"id":${id},"ids":[${ids.join(",")}],"items":${list}, "any": ${any}}`;
  const asked: string[] = [];
  const source: Source = async (call) => {
    const { path } = call;
    if (path === "/doc") return replyOf(doc);
    if (path === "/pages") return replyOf(`{"items":${list},"next":${id}}`);
    asked.push(await told(call));
    return replyOf(path.startsWith("/pages") ? `{"items":[${any}],"next":null}` : "1");
  };
  await using gateway = startGateway({
    upstreams: { up: { source } },
    routes: { "GET /": { gather: ROUTE } },
  });
  const text = await (await ask(gateway.url)).text();

  const query = (name: string) => ids.map((n) => `${name}=${encoded(n)}`).join("&");
  const again = any.startsWith('"') ? JSON.stringify(JSON.parse(any)) : any;
  assertEquals(
    asked.sort(),
    [
      `/body  {"id":${id},"ids":[${ids.join(",")}],"any":[${again}]}`,
      ...new Set(items.map((n) => `/each/${encoded(n)}`)),
      `/header ${id}`,
      `/pages?after=${encoded(id)}`,
      `/params?id=${encoded(id)}&${query("ids")}&t=%3C${encoded(id)}%3E`,
      `/segment/${encoded(id)}?${query("ids")}`,
    ].sort(),
  );
  const data = {
    doc,
    segment: "1",
    params: "1",
    head: "1",
    sent: "1",
    each: `[${items.map(() => "1").join(",")}]`,
    select: any,
    pick: `{"id":${id},"items":${list}}`,
    pages: `[${[list.slice(1, -1), any].join(",")}]`,
    map: `{"text":${JSON.stringify(id)},"id":${id},"ids":[${ids.join(",")}]}`,
  };
  const members = Object.entries(data).map(([name, text]) => `"${name}":${text}`);
  assertEquals(text, `{"data":{${members.join(",")}},"complete":true}`);
});

function replyOf(text: string): Reply {
  const headers = new Headers({ "content-type": "application/json" });
  return { status: 200, headers, body: Body.of(new TextEncoder().encode(text)) };
}

property("a client's numbers keep their digits too", 50, async (random) => {
  const { id, ids } = randomNumbers(random);
  const asked: string[] = [];
  const source: Source = async (call) => {
    asked.push(await told(call));
    return replyOf("1");
  };
  await using gateway = startGateway({
    upstreams: { up: { source } },
    routes: {
      "POST /": {
        gather: {
          it: {
            from: "up",
            method: "POST",
            path: "/{body.id}",
            params: { ids: "{body.ids}" },
            headers: { "x-id": "{body.ids.0}" },
            body: "{body.ids}",
          },
          each: { from: "up", path: "/each/{item}", each: "{body.ids}" },
        },
      },
    },
  });
  const body = `{"ids":[${ids.join(",")}],"id":${id}}`;
  const headers = { "content-type": "application/json" };
  await (await ask(gateway.url, { method: "POST", headers, body })).text();
  const query = ids.map((n) => `ids=${encoded(n)}`).join("&");
  assertEquals(
    asked.sort(),
    [
      `/${encoded(id)}?${query} ${ids[0]} [${ids.join(",")}]`,
      ...new Set(ids.map((n) => `/each/${encoded(n)}`)),
    ].sort(),
  );
});
