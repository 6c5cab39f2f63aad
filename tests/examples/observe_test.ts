import { assert, assertEquals } from "@std/assert";
import { isRecord } from "../../lib/core/is_record.ts";
import {
  BOUNDS,
  METRIC_NAMES,
  type MetricName,
  METRICS,
} from "../../lib/observe/metrics/metric_table.ts";
import { startBusy } from "../support/measured_traffic.ts";

const FOLDER = new URL("../../examples/observe/", import.meta.url);
const read = (name: string) => Deno.readTextFile(new URL(name, FOLDER));
const dashboard: unknown = JSON.parse(await read("grafana.json"));
const alerts = await read("alerts.yml");

/** Labels that no gateway writes: Prometheus' own, and a histogram's. */
const PROMETHEUS_LABELS = ["instance", "job", "le"];
/** Words of PromQL that look like the name of a metric or a label. */
const METRIC = /\b(?:http|sluice|process)_\w+\b/g;
const SUFFIX = /_(?:bucket|sum|count)$/;

/** Each query of the dashboard, with the labels that its legend names. */
function dashboardQueries(value: unknown): { expr: string; labels: string[] }[] {
  if (Array.isArray(value)) return value.flatMap(dashboardQueries);
  if (!isRecord(value)) return [];
  const { expr, legendFormat } = value;
  const own = typeof expr === "string" ? [{ expr, labels: namedIn(legendFormat) }] : [];
  return [...own, ...Object.values(value).flatMap(dashboardQueries)];
}

function namedIn(legend: unknown): string[] {
  const names = typeof legend === "string" ? legend.matchAll(/\{\{(\w+)\}\}/g) : [];
  return [...names].map(([, name = ""]) => name);
}

/** Each rule's expression, with the labels that its summary names. */
function alertQueries(): { name: string; expr: string; labels: string[] }[] {
  return alerts.split("- alert: ").slice(1).map((rule) => {
    const [name = ""] = rule.split("\n");
    const [, line = "", block = ""] = /expr: (?:\|\n((?:\s{10}.*\n)+)|(.*)\n)/.exec(rule) ?? [];
    const labels = [...rule.matchAll(/\$labels\.(\w+)/g)].map(([, label = ""]) => label);
    return { name, expr: (line || block).trim(), labels };
  });
}

/** The metrics that an expression names. */
function metricsOf(expr: string): MetricName[] {
  // Only labels can follow a brace, a comma or a bracket of `by`.
  const withoutLabels = expr.replaceAll(/\{[^}]*\}/g, "").replaceAll(/by \([^)]*\)/g, "");
  return [...withoutLabels.matchAll(METRIC)].map(([name]) => {
    const found = METRIC_NAMES.find((known) =>
      known === name || known === name.replace(SUFFIX, "")
    );
    assert(found, `${name} is no metric: ${expr}`);
    assertEquals(METRICS[found].type === "histogram", found !== name, expr);
    return found;
  });
}

/** The labels that an expression selects or groups by. */
function labelsOf(expr: string): string[] {
  const selected = [...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, inside = ""]) =>
    [...inside.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, name = ""]) => name)
  );
  const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = ""]) =>
    list.split(",").map((name) => name.trim())
  );
  return [...selected, ...grouped];
}

function assertKnown(expr: string, more: readonly string[]): void {
  const metrics = metricsOf(expr);
  const known: readonly string[] = metrics.flatMap((name) => METRICS[name].labels);
  const unknown = [...labelsOf(expr), ...more].filter((label) =>
    !known.includes(label) && !PROMETHEUS_LABELS.includes(label)
  );
  assertEquals(unknown, [], expr);
}

Deno.test("the dashboard asks for metrics and labels that there are", () => {
  const queries = dashboardQueries(dashboard);
  assert(queries.length > 30, `${queries.length} queries`);
  for (const { expr, labels } of queries) {
    assert(metricsOf(expr).length > 0, expr);
    assertKnown(expr, labels);
  }
});

Deno.test("the alerts ask for metrics and labels that there are", () => {
  const queries = alertQueries();
  assertEquals(queries.length, alerts.match(/- alert:/g)?.length);
  for (const { name, expr, labels } of queries) {
    assert(name === "SluiceDown" || metricsOf(expr).length > 0, `${name}: ${expr}`);
    assertKnown(expr, labels);
  }
});

Deno.test("each metric and each label value that they ask for is in the output of a gateway", async () => {
  await using gateway = await startBusy();
  const families = await gateway.scrape();
  const samples = families.flatMap((family) => family.samples);
  const exprs = [...dashboardQueries(dashboard), ...alertQueries()].map(({ expr }) => expr);
  for (const expr of exprs) {
    for (const [, name = "", selectors = ""] of expr.matchAll(/(\w+)(?:\{([^}]*)\})?/g)) {
      if (!name.match(/^(?:http|sluice|process)_\w+$/)) continue;
      if (METRIC_NAMES.every((known) => known !== name.replace(SUFFIX, "") && known !== name)) {
        continue;
      }
      // Comes only with more than 2,000 series.
      if (name === "sluice_metrics_folded_total") continue;
      const found = samples.filter((sample) => sample.name === name);
      assert(found.length > 0, `${name}: ${expr}`);
      for (const [, label = "", value = ""] of selectors.matchAll(/(\w+)="(\w[^"]*)"/g)) {
        // What has gone wrong in no test cannot be found here.
        if (value === "unavailable") continue;
        assert(found.some(({ labels }) => labels[label] === value), `${label}="${value}": ${expr}`);
      }
    }
  }
  assert(samples.some(({ labels }) => labels.le === String(BOUNDS[0])));
});

/** Runs Prometheus' own checker on the examples. */
async function promtool(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("promtool", { args, cwd: FOLDER }).output();
  assert(success, new TextDecoder().decode(stderr));
}

Deno.test({
  name: "promtool accepts the alerts and the scrape config",
  ignore: await promtool("--version").then(() => false, () => true),
  async fn() {
    await promtool("check", "rules", "alerts.yml");
    await promtool("check", "config", "prometheus.yml");
  },
});
