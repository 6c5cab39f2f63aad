import { assertEquals } from "@std/assert";
import { METRIC_NAMES, METRICS } from "../../../../lib/observe/metrics/metric_table.ts";
import { otelAttributes, otelName } from "../../../../lib/observe/metrics/otel_names.ts";

Deno.test("names are those of OpenTelemetry's conventions", () => {
  const named = [
    "http_server_request_duration_seconds",
    "http_server_active_requests",
    "http_client_request_duration_seconds",
    "sluice_cache_memory_bytes",
    "sluice_upstream_attempts_total",
    "process_cpu_seconds_total",
  ] as const;
  assertEquals(named.map((name) => Object.values(otelName(name)).join(" ").trim()), [
    "http.server.request.duration s",
    "http.server.active_requests",
    "http.client.request.duration s",
    "sluice.cache_memory By",
    "sluice.upstream_attempts",
    "process.cpu s",
  ]);
});

Deno.test("a collector that translates them for Prometheus gets the same names", () => {
  const suffixes: Record<string, string> = { s: "_seconds", By: "_bytes" };
  for (const metric of METRIC_NAMES) {
    const { name, unit = "" } = otelName(metric);
    const total = METRICS[metric].type === "counter" ? "_total" : "";
    assertEquals(name.replaceAll(".", "_") + (suffixes[unit] ?? "") + total, metric);
  }
});

Deno.test("labels are attributes, statuses numbers, and empty values left out", () => {
  assertEquals(
    otelAttributes("http_server_request_duration_seconds", ["GET", "/a/:id", "200", ""]),
    {
      "http.request.method": "GET",
      "http.route": "/a/:id",
      "http.response.status_code": 200,
    },
  );
  assertEquals(otelAttributes("sluice_part_duration_seconds", ["/a", "it", "breaker-open"]), {
    "http.route": "/a",
    part: "it",
    "error.type": "breaker-open",
  });
});
