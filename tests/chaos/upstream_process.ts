// deno-lint-ignore-file no-console -- its output is its purpose
/**
 * A process of upstreams, apart from the load, so that neither delays the other. It is told what to
 * do over HTTP, on a port that its first line says.
 */
import type { Command, Reports } from "./upstreams.ts";
import { Upstream } from "./upstream.ts";

const upstreams = new Map<string, Upstream>();

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
  const { behaviours = {} }: Command = await request.json();
  for (const [name, behaviour] of Object.entries(behaviours)) {
    const known = upstreams.get(name);
    if (known) await known.become(behaviour);
    else upstreams.set(name, await Upstream.start(behaviour));
  }
  const reports: Reports = Object.fromEntries(
    [...upstreams].map(([name, upstream]) => [name, { port: upstream.port, ...upstream.count() }]),
  );
  return Response.json(reports);
});
console.log(`told on http://127.0.0.1:${server.addr.port}`);
