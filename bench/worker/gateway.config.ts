import { defineGateway, json } from "sluice";
import work from "./work.ts";

/** `/quick` beside `/worker` and `/loop`, which do the same heavy work in a thread and without one. */
export default defineGateway({
  store: ":memory:",
  upstreams: {
    quick: { source: () => Promise.resolve(json("quick")) },
    loop: { source: () => Promise.resolve(json(work())) },
  },
  routes: {
    "GET /quick": { gather: { it: { from: "quick" } } },
    "GET /loop": { gather: { it: { from: "loop" } } },
    "GET /worker": { gather: { it: { worker: "./work.ts" } } },
  },
});
