import { delay } from "@std/async";
import { defineGateway, type GatherRoute } from "sluice";

let running = 0;
let most = 0;

/** An API on its own port that takes 20 ms for a response, and counts its concurrent requests. */
const api = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async ({ url }) => {
  if (url.endsWith("/most")) {
    const response = Response.json(most);
    most = 0;
    return response;
  }
  most = Math.max(most, ++running);
  await delay(20);
  running--;
  return Response.json(new URL(url).pathname);
});

/** A route that fetches a hundred URLs, `concurrency` at a time. */
function hundred(concurrency: number): GatherRoute<"api", never> {
  return { gather: { all: { from: "api", path: "/{item}", each: "{body.ids}", concurrency } } };
}

/**
 * 100 URLs one after another, all at once, and ten at a time:
 * `[await fetch(u) for u in urls]`, `gather(*map(fetch, urls))`, and the same with a semaphore.
 */
export default defineGateway({
  store: ":memory:",
  upstreams: { api: { url: `http://127.0.0.1:${api.addr.port}` } },
  routes: {
    "POST /one-by-one": hundred(1),
    "POST /all-at-once": hundred(100),
    "POST /ten-at-a-time": hundred(10),
    "GET /most": { gather: { most: { from: "api", path: "/most" } } },
  },
});
