import { assert, assertEquals } from "@std/assert";
import { startProgram, TestFolder } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";

const MEBIBYTE = 2 ** 20;
const USES = ["sluice", "cache-use"];
const TOKEN = "hunter2";

Deno.test("anonymous clients fill the store to cacheDisk, over restarts, and a purge gives it back", async () => {
  const body = crypto.getRandomValues(new Uint8Array(65_536));
  await using folder = await TestFolder.make({});
  await using upstream = startUpstream(() =>
    new Response(new Blob([body, body, body, body]), {
      headers: { "cache-control": "max-age=600" },
    })
  );
  const file = folder.file("cache.kv");
  const takes = () => Deno.statSync(file).size;
  const program = {
    config: {
      store: file,
      cacheDisk: "8MiB",
      upstreams: { up: { url: upstream.url, cache: {} } },
      routes: { "ANY /*": { forward: "up" } },
    },
    env: { GATEWAY_ADMIN_TOKEN: TOKEN },
  };
  for (let start = 0; start < 2; start++) {
    await using gateway = await startProgram(program);
    for (let asked = 0; asked < 100; asked++) {
      const response = await fetch(`${gateway.url}/x?start=${start}&q=${asked}`);
      assertEquals((await response.arrayBuffer()).byteLength, 4 * body.length);
    }
    assert(takes() > 4 * MEBIBYTE && takes() < 10 * MEBIBYTE, `${takes() / MEBIBYTE} MiB`);
  }
  await using stack = new AsyncDisposableStack();
  const gateway = stack.use(await startProgram(program));
  const purged = await fetch(`${gateway.url}/_gateway/cache?all`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${TOKEN}`, "x-gateway-operator": "1" },
  });
  await purged.body?.cancel();
  assert(purged.ok);
  {
    using kv = await Deno.openKv(file);
    const isEmpty = async () => (await Array.fromAsync(kv.list({ prefix: USES }))).length === 0;
    for (let tries = 0; tries < 200 && !await isEmpty(); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert(await isEmpty());
  }
  // SQLite cuts the file when it moves its log into it, at the latest at the end.
  await stack.disposeAsync();
  assert(takes() < 3 * MEBIBYTE, `${takes() / MEBIBYTE} MiB are given back`);
});
