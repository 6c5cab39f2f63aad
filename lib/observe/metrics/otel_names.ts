import { type MetricName, METRICS } from "./metric_table.ts";

/** A metric's name and unit as OpenTelemetry writes them. */
export interface OtelName {
  readonly name: string;
  /** UCUM; undefined where the metric is a number of things. */
  readonly unit: string | undefined;
}

/** OpenTelemetry's units, by the suffix that Prometheus has for them. */
const UNITS: Readonly<Record<string, string>> = { seconds: "s", bytes: "By" };
/** The attributes of its conventions for HTTP; Sluice's own keep their names. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  http_request_method: "http.request.method",
  http_route: "http.route",
  http_response_status_code: "http.response.status_code",
  error_type: "error.type",
};

/**
 * Returns the name of a metric in OpenTelemetry: `http.server.request.duration` for
 * `http_server_request_duration_seconds`, `sluice.cache_memory` for `sluice_cache_memory_bytes`. What
 * translates it for Prometheus makes the same name of it again.
 */
export function otelName(metric: MetricName): OtelName {
  const [, base = metric, suffix = ""] = /^(.*?)(?:_(seconds|bytes))?(?:_total)?$/.exec(metric) ??
    [];
  const name = base.startsWith("http_")
    ? base.replace(/^http_(server|client)_/, "http.$1.").replace("request_", "request.")
    : base.replace("_", ".");
  return { name, unit: UNITS[suffix] };
}

/** Returns the labels of a series as attributes; an empty value is none. */
export function otelAttributes(
  metric: MetricName,
  values: readonly string[],
): Record<string, string | number> {
  const attributes: Record<string, string | number> = {};
  for (const [index, label] of METRICS[metric].labels.entries()) {
    const value = values[index] ?? "";
    if (value === "") continue;
    const isStatus = label === "http_response_status_code" && /^\d+$/.test(value);
    attributes[ATTRIBUTES[label] ?? label] = isStatus ? Number(value) : value;
  }
  return attributes;
}
