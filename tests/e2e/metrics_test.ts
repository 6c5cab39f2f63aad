import { assert, assertEquals } from "@std/assert";
import { isRecord } from "../../lib/core/is_record.ts";
import { METRICS } from "../../lib/observe/metrics/metric_table.ts";
import { parseExposition } from "../support/exposition.ts";
import { startProgram, until } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";

/** A metric that the collector got, by its name, with its points. */
type Exported = Map<string, unknown[]>;

/** Reads what was exported in the scope `sluice` (OTLP 1.x, JSON). */
function readExported(value: unknown, into: Exported): void {
  if (Array.isArray(value)) return value.forEach((each) => readExported(each, into));
  if (!isRecord(value)) return;
  const { scope, metrics } = value;
  if (isRecord(scope) && scope.name !== "sluice") return;
  if (!Array.isArray(metrics)) {
    return Object.values(value).forEach((each) => readExported(each, into));
  }
  for (const metric of metrics) {
    const { histogram, gauge, sum } = metric;
    into.set(metric.name, (histogram ?? gauge ?? sum).dataPoints);
  }
}

function textOf(value: unknown): string {
  return JSON.stringify(value ?? null);
}

Deno.test("the program has its metrics at /_gateway/metrics, and exports the same over OTLP", async () => {
  await using upstream = startUpstream(() => Response.json({ ok: true }));
  const exported: Exported = new Map();
  await using collector = startUpstream(async (request) => {
    if (request.url.endsWith("/v1/metrics")) readExported(await request.json(), exported);
    else await request.body?.cancel();
    return Response.json({});
  });
  await using program = await startProgram({
    config: {
      upstreams: { up: { url: upstream.url } },
      routes: { "GET /things/:id": { gather: { it: { from: "up" } } } },
    },
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_EXPORTER: "none",
      OTEL_LOGS_EXPORTER: "none",
      OTEL_METRIC_EXPORT_INTERVAL: "100",
    },
  });
  await (await fetch(`http://127.0.0.1:${program.port}/things/7`)).body?.cancel();
  const points = () => textOf(exported.get("http.server.request.duration"));
  await until(() => points().includes("/things/:id"), "the request is exported");
  const [point] = exported.get("http.server.request.duration") ?? [];
  assert(isRecord(point));
  assertEquals(Number(point.count), 1);
  const attributes = textOf(point.attributes);
  assert(
    attributes.includes("http.response.status_code") && attributes.includes("GET"),
    attributes,
  );
  await until(() => exported.has("sluice.upstream_retries_left"), "figures are exported");
  assert(textOf(exported.get("sluice.upstream_attempts")).includes("first"));

  const response = await fetch(`http://127.0.0.1:${program.port}/_gateway/metrics`);
  const families = parseExposition(await response.text(), "text");
  const names = families.map(({ name }) => name);
  assertEquals(names.filter((name) => !(name in METRICS)), []);
  for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes"]) {
    const [sample] = families.find((family) => family.name === name)?.samples ?? [];
    assert(sample && sample.value > 0, name);
  }
});
