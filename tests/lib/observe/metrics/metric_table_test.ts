import { assert, assertEquals } from "@std/assert";
import { METRIC_NAMES, METRICS } from "../../../../lib/observe/metrics/metric_table.ts";

Deno.test("names and units follow Prometheus' conventions", () => {
  for (const name of METRIC_NAMES) {
    const { type, help, labels } = METRICS[name];
    assert(/^(?:http_(?:server|client)|sluice|process)_[a-z_]+$/.test(name), name);
    assertEquals(type === "counter", name.endsWith("_total"), name);
    if (type === "histogram") assert(name.endsWith("_duration_seconds"), name);
    assert(/^[^\n]{1,110}$/.test(help) && !help.endsWith("."), `${name}: ${help}`);
    assertEquals(new Set(labels).size, labels.length, name);
  }
});
