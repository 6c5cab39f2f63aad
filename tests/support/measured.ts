import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { Metrics } from "../../lib/observe/metrics/metrics.ts";
import { Registry, type RegistryOptions } from "../../lib/observe/metrics/registry.ts";
import { processFigures } from "../../lib/process/process_figures.ts";
import { type ExposedFamily, parseExposition } from "./exposition.ts";
import { startGateway, type TestGatewayOptions } from "./gateway.ts";
import { until } from "./program.ts";

/** What Prometheus 3 sends. */
const ACCEPT_OPENMETRICS =
  "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

/** Starts a gateway with metrics. */
export function startMeasured(
  config: GatewayConfig,
  options: TestGatewayOptions & RegistryOptions = {},
) {
  const metrics = new Metrics(new Registry(options));
  metrics.registry.readers.add(processFigures);
  const gateway = startGateway(config, { ...options, metrics });
  const scrape = async (format: "text" | "openmetrics" = "text"): Promise<ExposedFamily[]> => {
    const accept = format === "openmetrics" ? ACCEPT_OPENMETRICS : "text/plain;version=0.0.4";
    const response = await fetch(`${gateway.url}/_gateway/metrics`, { headers: { accept } });
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return parseExposition(text, format);
  };
  return {
    gateway,
    metrics,
    scrape,
    /** Sends a request, and returns its status once it has been counted. */
    async send(target: string, init?: RequestInit): Promise<number> {
      const before = gateway.log.length;
      const response = await fetch(gateway.url + target, init);
      await response.arrayBuffer();
      await until(() => gateway.log.length > before, "the request is counted");
      return response.status;
    },
    /** Returns the value of the only series with these labels, among others; 0 if there is none. */
    async value(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
      const samples = (await scrape()).flatMap((family) => family.samples);
      return samples.filter((sample) =>
        sample.name === name &&
        Object.entries(labels).every(([key, value]) => (sample.labels[key] ?? "") === value)
      ).reduce((sum, { value }) => sum + value, 0);
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}
