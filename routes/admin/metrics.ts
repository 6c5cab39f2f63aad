import { Hono } from "hono";
import { CONTENT_TYPES, type ExpositionFormat } from "../../lib/observe/metrics/exposition.ts";
import type { Registry } from "../../lib/observe/metrics/registry.ts";
import { NO_STORE } from "./no_store.ts";
import type { OperatorEnv } from "./operator_env.ts";

const OPENMETRICS = "application/openmetrics-text";

/** Shows the metrics, for Prometheus: as OpenMetrics, with exemplars, where it accepts that. */
export function metricsAdmin(registry: Registry): Hono<OperatorEnv> {
  return new Hono<OperatorEnv>().get("/", async (c) => {
    const format = formatFor(c.req.header("accept") ?? "");
    const headers = { ...NO_STORE, "content-type": CONTENT_TYPES[format], vary: "accept" };
    return c.body(await registry.write(format), 200, headers);
  });
}

/** The format that an `Accept` header prefers; the text format unless OpenMetrics is named. */
function formatFor(accept: string): ExpositionFormat {
  const weights = new Map(
    accept.split(",").map((range) => {
      const [type = "", ...parameters] = range.split(";").map((piece) =>
        piece.trim().toLowerCase()
      );
      const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
      return [type, weight === undefined ? 1 : Number(weight)];
    }),
  );
  const [open = 0, plain = 0] = [weights.get(OPENMETRICS), weights.get("text/plain")];
  return open > 0 && open >= plain ? "openmetrics" : "text";
}
