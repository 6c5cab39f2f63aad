import { assertEquals } from "@std/assert";
import { parseConfig } from "../../../lib/config/parse.ts";
import { StartError } from "../../../lib/core/start_error.ts";
import { Reloads } from "../../../lib/process/reloads.ts";
import { ManualClock } from "../../support/manual_clock.ts";

function open(start = true) {
  const settings = parseConfig({ upstreams: {}, routes: {} }, () => undefined);
  const clock = new ManualClock();
  const log: string[] = [];
  const used: string[] = [];
  const loads: PromiseWithResolvers<string>[] = [];
  const reloads = new Reloads({
    loaded: { settings, digest: "first" },
    async load() {
      const load = Promise.withResolvers<string>();
      loads.push(load);
      return { settings, digest: await load.promise };
    },
    clock,
    log: (level, text) => log.push(`${level} ${text}`),
  });
  const use = ({ digest }: { digest: string }) => {
    used.push(digest);
    return Promise.resolve();
  };
  if (start) reloads.start(use);
  return { reloads, use, loads, used, log, clock };
}

Deno.test("reloads run one at a time; those that come meanwhile share one more", async () => {
  const { reloads, loads, used } = open();
  const all = [reloads.reload(), reloads.reload(), reloads.reload()];
  assertEquals(loads.length, 1);
  all.push(reloads.reload());
  loads[0]?.resolve("a");
  while (loads.length < 2) await Promise.resolve();
  loads[1]?.resolve("b");
  await Promise.all(all);
  assertEquals([used, loads.length], [["a", "b"], 2]);
  assertEquals(reloads.status.succeeded, 2);
});

Deno.test("a failure is counted and logged, and the digest is that of what is in use", async () => {
  const { reloads, loads, log, clock } = open();
  await clock.advance(10);
  const first = reloads.reload();
  loads[0]?.reject(new StartError("routes: is required"));
  await first;
  const { digest, failed, hasFailed, lastFailure } = reloads.status;
  assertEquals([digest, failed, hasFailed], ["first", 1, true]);
  assertEquals(lastFailure, { at: clock.wall(), message: "routes: is required" });
  const second = reloads.reload();
  loads[1]?.resolve("next");
  await second;
  assertEquals([reloads.status.digest, reloads.status.hasFailed], ["next", false]);
  assertEquals(log, [
    "error not reloaded, the config before stays in use:\nroutes: is required",
    "info reloaded: 0 routes, 0 upstreams (next)",
  ]);
});

Deno.test("a reload before the start follows it; after the stop there is none", async () => {
  const { reloads, use, loads, used } = open(false);
  await reloads.reload();
  assertEquals(loads.length, 0);
  reloads.start(use);
  assertEquals(loads.length, 1);
  loads[0]?.resolve("a");
  while (used.length < 1) await Promise.resolve();
  const last = reloads.reload();
  while (loads.length < 2) await Promise.resolve();
  reloads.stop();
  loads[1]?.reject(new Error("the gateway is stopping"));
  await last;
  await reloads.reload();
  assertEquals([used, loads.length, reloads.status.failed], [["a"], 2, 0]);
});
