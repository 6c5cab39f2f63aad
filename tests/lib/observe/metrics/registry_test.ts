import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Family, OTHER } from "../../../../lib/observe/metrics/family.ts";
import { Registry } from "../../../../lib/observe/metrics/registry.ts";
import { Metrics } from "../../../../lib/observe/metrics/metrics.ts";
import type { EndedRequest } from "../../../../lib/observe/ended_request.ts";
import { parseExposition } from "../../../support/exposition.ts";
import { heapUsed } from "../../../support/heap_used.ts";

Deno.test("a series is made once, and those past the bound are counted in one", () => {
  let folds = 0;
  const facts = { type: "counter", help: "", labels: ["a", "b"] } as const;
  const family = new Family(facts, () => ({ value: 0 }), 2, () => folds++);
  const first = family.at(["1", "x"]);
  assertStrictEquals(family.at(["1", "x"]), first);
  family.at(["1", "y"]).value++;
  for (const value of ["2", "3", "3"]) family.at([value, "x"]).value++;
  assertStrictEquals(family.at(["1", "x"]), first);
  assertEquals(folds, 3);
  assertEquals(family.series.map(({ text, state }) => [text, state.value]), [
    ['a="1",b="x"', 0],
    ['a="1",b="y"', 1],
    [`a="${OTHER}",b="${OTHER}"`, 3],
  ]);
});

Deno.test("values of labels are escaped, and come back as they were", async () => {
  const registry = new Registry();
  const nasty = 'a\\b"c\nd{e},f="g"';
  registry.count("sluice_cache_responses_total").at([nasty, "", "hit"]).value++;
  for (const format of ["text", "openmetrics"] as const) {
    const [family] = parseExposition(await registry.write(format), format);
    assertEquals(family?.samples[0]?.labels, { http_route: nasty, cache: "hit" });
  }
});

Deno.test("a figure that two readers tell is written once, as the later one tells it", async () => {
  const registry = new Registry();
  registry.readers.add((set) => set("sluice_store_up", [], 0));
  registry.readers.add((set) => set("sluice_store_up", [], 1));
  const [family] = parseExposition(await registry.write("text"), "text");
  assertEquals(family?.samples.map(({ value }) => value), [1]);
});

Deno.test("10,000 routes with every status take a bounded number of series and of bytes", async () => {
  const metrics = new Metrics();
  const request = (route: number, status: number): EndedRequest => ({
    id: "",
    route: `GET /routes/${route}/of/a/large/gateway/:id`,
    isOwn: false,
    client: "",
    method: "GET",
    status,
    problem: undefined,
    ended: undefined,
    isInBatch: false,
    time: 0,
    arrivedAt: 0,
    durationMs: 3,
    traceId: undefined,
    cache: "miss",
    parts: ["a", "b"].map((part) => ({
      part,
      startedAt: 0,
      durationMs: 1,
      problem: undefined,
      cache: "hit",
    })),
    calls: [],
    waits: [],
  });
  const statuses = [200, 204, 301, 304, 400, 401, 403, 404, 409, 429, 500, 502, 503, 504];
  const fill = () => {
    for (let route = 0; route < 10_000; route++) {
      for (const status of statuses) metrics.requestEnded(request(route, status));
    }
  };
  const before = heapUsed();
  fill();
  const mebibytes = (heapUsed() - before) / 1024 / 1024;
  fill();
  const families = parseExposition(await metrics.registry.write("text"), "text");
  const requests = families.find(({ name }) => name === "http_server_request_duration_seconds");
  const counts = requests?.samples.filter(({ name }) => name.endsWith("_count")) ?? [];
  assertEquals(counts.length, 2_001);
  const total = counts.reduce((sum, { value }) => sum + value, 0);
  assertEquals(total, 2 * 10_000 * statuses.length, "nothing is lost");
  const folded = families.find(({ name }) => name === "sluice_metrics_folded_total");
  const foldedRequests = folded?.samples.find(({ labels }) =>
    labels.metric === "http_server_request_duration_seconds"
  );
  assertEquals(foldedRequests?.value, total - 2 * 2_000);
  assert(mebibytes < 16, `${mebibytes} MiB`);
});
