import { assert, assertEquals, assertFalse } from "@std/assert";
import { METRIC_NAMES, METRICS } from "../../lib/observe/metrics/metric_table.ts";
import type { ExposedSample } from "../support/exposition.ts";
import { PLANTED, startBusy } from "../support/measured_traffic.ts";

Deno.test("every metric is there under traffic, and none has a label that its table lacks", async () => {
  await using gateway = await startBusy();
  for (const format of ["text", "openmetrics"] as const) {
    const families = await gateway.scrape(format);
    const found = new Map(families.map(({ name, type, samples }) => [
      format === "openmetrics" && type === "counter" ? `${name}_total` : name,
      samples,
    ]));
    const expected = METRIC_NAMES.filter((name) => name !== "sluice_metrics_folded_total");
    assertEquals([...found.keys()].toSorted(), expected.toSorted());
    for (const name of expected) {
      const allowed: readonly string[] = [...METRICS[name].labels, "le"];
      const labels = found.get(name)?.flatMap((sample) => Object.keys(sample.labels)) ?? [];
      assertEquals(labels.filter((label) => !allowed.includes(label)), [], name);
    }
  }
});

Deno.test("what happened is counted, by route, part, upstream and reason", async () => {
  await using gateway = await startBusy();
  const { value } = gateway;
  const requests = "http_server_request_duration_seconds_count";
  const things = { http_route: "/things/:id" };
  assertEquals(await value(requests, { ...things, http_response_status_code: "200" }), 2);
  assertEquals(await value(requests, { http_route: "/limited", error_type: "quota-exceeded" }), 1);
  assertEquals(await value(requests, { http_route: "", http_request_method: "_OTHER" }), 1);
  assertEquals(await value("sluice_batched_request_duration_seconds_count"), 2);
  const parts = "sluice_part_duration_seconds_count";
  assertEquals(await value(parts, { ...things, part: "it", error_type: "" }), 3);
  const failed = { ...things, part: "more", error_type: "upstream-unreachable" };
  assertEquals(await value(parts, failed), 3);
  const attempts = "sluice_upstream_attempts_total";
  assert(await value(attempts, { upstream: "flaky", attempt: "retry" }) >= 2);
  assertEquals(await value(attempts, { upstream: "slow", attempt: "hedge" }), 1);
  assert(await value("sluice_upstream_faults_total", { upstream: "flaky", reason: "refused" }) > 2);
  const cached = "sluice_cache_responses_total";
  const whole = { http_route: "/cached/:id", part: "" };
  assertEquals(await value(cached, { ...whole, cache: "miss" }), 1);
  assertEquals(await value(cached, { ...whole, cache: "hit" }), 1);
  assertEquals(await value(cached, { ...whole, part: "it", cache: "miss" }), 1);
  const decisions = "sluice_limiter_decisions_total";
  assertEquals(await value(decisions, { limit: "few", decision: "admitted" }), 2);
  assertEquals(await value(decisions, { limit: "few", decision: "denied" }), 1);
  assertEquals(await value("sluice_target_up", { upstream: "several" }), 2);
  assertEquals(await value("http_client_active_requests"), 0);
  assertEquals(await value("http_server_active_requests"), 1, "the scrape itself");
});

Deno.test("OpenMetrics has exemplars with the client's trace; the text format has none", async () => {
  await using gateway = await startBusy();
  const traced = ({ exemplar }: ExposedSample) => exemplar !== undefined;
  const samples = (await gateway.scrape("openmetrics")).flatMap((family) => family.samples);
  const [first] = samples.filter(traced);
  assertEquals(first?.exemplar?.traceId, "0af7651916cd43dd8448eb211c80319c");
  assertEquals(first?.name, "http_server_request_duration_seconds_bucket");
  assertFalse((await gateway.scrape()).flatMap((family) => family.samples).some(traced));
});

Deno.test("nothing that a client or a config planted is in any metric", async () => {
  await using gateway = await startBusy();
  for (const accept of ["text/plain", "application/openmetrics-text"]) {
    const response = await fetch(`${gateway.gateway.url}/_gateway/metrics`, {
      headers: { accept },
    });
    assertFalse((await response.text()).toLowerCase().includes(PLANTED));
  }
});

Deno.test("the format is the one that Accept prefers", async () => {
  await using gateway = await startBusy();
  const typeFor = async (accept: string) => {
    const response = await fetch(`${gateway.gateway.url}/_gateway/metrics`, {
      headers: { accept },
    });
    await response.body?.cancel();
    return response.headers.get("content-type")?.split(";")[0];
  };
  assertEquals(await typeFor("*/*"), "text/plain");
  assertEquals(await typeFor("application/openmetrics-text;q=0, text/plain"), "text/plain");
  const open = "application/openmetrics-text";
  assertEquals(await typeFor(`${open};version=1.0.0;q=0.5,text/plain;q=0.9`), "text/plain");
  assertEquals(await typeFor(`${open};version=1.0.0,text/plain;version=0.0.4;q=0.5`), open);
});
