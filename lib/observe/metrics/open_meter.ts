import type { Observable } from "@opentelemetry/api";
import { BOUNDS, METRIC_NAMES, type MetricName, METRICS } from "./metric_table.ts";
import { otelAttributes, otelName } from "./otel_names.ts";
import type { Registry, RegistryOptions } from "./registry.ts";

/** Exports metrics over OTLP. */
export interface MetricsExport {
  /** For the registry: records each value of a histogram. */
  readonly mirror: NonNullable<RegistryOptions["mirror"]>;
  /** Exports all else in a registry, as often as Deno exports. */
  start(registry: Registry): void;
}

/** Where Deno registers its providers for OpenTelemetry's API, while that is on. */
const REGISTERED = Symbol.for("opentelemetry.js.api.1");

/**
 * Opens the export of metrics; undefined unless Deno exports them (`OTEL_DENO=true`). OpenTelemetry's
 * API is loaded only then. They are in the scope `sluice`; what Deno measures itself is in others.
 */
export async function openMeter(): Promise<MetricsExport | undefined> {
  const registered: unknown = Reflect.get(globalThis, REGISTERED);
  if (typeof registered !== "object" || registered === null) return undefined;
  if (!("metrics" in registered)) return undefined;
  const { metrics } = await import("@opentelemetry/api");
  const meter = metrics.getMeter("sluice");
  const advice = { explicitBucketBoundaries: [...BOUNDS] };
  const histograms = new Map(
    METRIC_NAMES.filter((metric) => METRICS[metric].type === "histogram").map((metric) => {
      const { name, ...unit } = otelName(metric);
      return [metric, meter.createHistogram(name, { ...optionsOf(metric, unit), advice })];
    }),
  );
  const observables = new Map<MetricName, Observable>();
  for (const metric of METRIC_NAMES) {
    const { type } = METRICS[metric];
    const { name, ...unit } = otelName(metric);
    const options = optionsOf(metric, unit);
    if (type === "counter") observables.set(metric, meter.createObservableCounter(name, options));
    if (type === "gauge") observables.set(metric, meter.createObservableGauge(name, options));
  }
  return {
    mirror(metric, values) {
      const histogram = histograms.get(metric);
      const attributes = otelAttributes(metric, values);
      return histogram && ((seconds) => histogram.record(seconds, attributes));
    },
    start(registry) {
      meter.addBatchObservableCallback((result) => {
        for (const [metric, figures] of registry.read()) {
          const observable = observables.get(metric);
          for (const { labels, value } of figures) {
            if (observable) result.observe(observable, value, otelAttributes(metric, labels));
          }
        }
      }, [...observables.values()]);
    },
  };
}

function optionsOf(metric: MetricName, { unit }: { readonly unit: string | undefined }) {
  return { description: METRICS[metric].help, ...(unit !== undefined && { unit }) };
}
