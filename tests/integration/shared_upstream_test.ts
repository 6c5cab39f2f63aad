import { assert } from "@std/assert";
import { startGateway } from "../support/gateway.ts";
import { startUpstream } from "../support/upstream.ts";

/** Calls that the upstream handles best at once: four in 40 ms, 100 per second. */
const BEST_CONCURRENCY = 4;
const BASE_MS = 20;
const REQUESTS_PER_S = 80;
const SECONDS = 4;

Deno.test("an overloaded upstream serves required parts, while optional ones are left out", async () => {
  let running = 0;
  await using upstream = startUpstream(async () => {
    running++;
    const ms = BASE_MS * (1 + (running / BEST_CONCURRENCY) ** 2);
    await new Promise((resolve) => setTimeout(resolve, ms));
    running--;
    return Response.json(1);
  });
  await using gateway = startGateway({
    upstreams: {
      up: {
        url: upstream.url,
        timeout: "1s",
        concurrency: { max: BEST_CONCURRENCY, queue: 4 * BEST_CONCURRENCY },
      },
    },
    routes: {
      "GET /:id": {
        deadline: "2s",
        gather: {
          main: { from: "up", path: "/main/{id}" },
          extra: { from: "up", path: "/extra/{id}", optional: true },
        },
      },
    },
  });
  const counts = { succeeded: 0, complete: 0, failed: 0 };
  const ask = async (id: number) => {
    const response = await fetch(`${gateway.url}/${id}`);
    const { complete } = await response.json();
    counts[response.ok ? "succeeded" : "failed"]++;
    if (complete) counts.complete++;
  };
  const asked: Promise<void>[] = [];
  for (let id = 0; id < REQUESTS_PER_S * SECONDS; id++) {
    asked.push(ask(id));
    await new Promise((resolve) => setTimeout(resolve, 1_000 / REQUESTS_PER_S));
  }
  await Promise.all(asked);
  const shown = JSON.stringify(counts);
  assert(counts.succeeded >= 0.99 * asked.length, shown);
  assert(counts.complete < 0.8 * asked.length, `the upstream was not overloaded: ${shown}`);
});
