import { defineGateway, json } from "sluice";

/**
 * `async for item in pages()`: an async generator that fetches the next page once the one before was
 * consumed. A streamed response has a record per page.
 *
 * ```sh
 * curl -N -H 'Accept: application/x-ndjson' http://127.0.0.1:8000/items
 * ```
 *
 * ```
 * {"part":"items","data":[1,2],"more":true}
 * {"part":"items","data":[3,4],"more":true}
 * {"part":"items","data":[5]}
 * {"complete":true}
 * ```
 */
export default defineGateway({
  store: ":memory:",
  upstreams: {
    list: {
      source: ({ path }) => {
        const page = Number(new URL(path, "http://list").searchParams.get("page") ?? 1);
        const items = [1, 2, 3, 4, 5].slice(2 * page - 2, 2 * page);
        return Promise.resolve(json({ items, next: page < 3 ? `/?page=${page + 1}` : null }));
      },
    },
  },
  routes: {
    "GET /items": {
      gather: {
        items: { from: "list", path: "/", pages: { next: "/next", items: "/items", max: 10 } },
      },
    },
  },
});
