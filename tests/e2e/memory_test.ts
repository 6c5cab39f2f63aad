import { assert, assertEquals } from "@std/assert";
import { startProgram } from "../support/program.ts";
import { Wire } from "../support/wire.ts";

const CLIENTS = 60;

Deno.test("clients that do not read cost no more than the budget, and others are served", async () => {
  await using program = await startProgram({
    config: `
      const headers = { "content-type": "application/json" };
      const source = async () => {
        const response = Response.json("x".repeat(12 * 1024 * 1024), { headers });
        const { Body } = await import("${new URL("../../lib/core/body.ts", import.meta.url)}");
        return { status: 200, headers: response.headers, body: Body.of(await response.bytes()) };
      };
      export default {
        store: ":memory:",
        overload: { maxBuffered: "64MiB" },
        upstreams: { it: { source, maxBody: "16MiB" } },
        routes: { "GET /:n": { gather: { a: { from: "it", path: "/{n}" } } } },
      };`,
  });
  const statuses = new Map<string, number>();
  const wires: Wire[] = [];
  try {
    for (let n = 0; n < CLIENTS; n++) {
      const wire = await Wire.connect(program.port);
      wires.push(wire);
      await wire.send(`GET /${n} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const status = (await wire.until("\r\n\r\n")).slice(9, 12);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    assertEquals([...statuses.keys()].sort(), ["200", "503"]);
    assert((statuses.get("200") ?? 0) <= 5, "no more than there is room for");
    const health = await fetch(`${program.url}/_gateway/health/live`);
    assertEquals([health.status, (await health.bytes()).length > 0], [200, true]);
    const [, kib] = /VmRSS:\s+(\d+)/.exec(
      await Deno.readTextFile(`/proc/${program.pid}/status`),
    ) ?? [];
    // All of them would hold 720 MiB.
    assert(Number(kib) / 1024 < 500, `it takes ${Number(kib) / 1024} MiB`);
  } finally {
    for (const wire of wires) wire[Symbol.dispose]();
  }
});
