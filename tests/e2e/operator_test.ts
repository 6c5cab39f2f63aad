import { assert, assertEquals } from "@std/assert";
import { startProgram, TestFolder } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";

/** How soon a change is felt in every process (ms). */
const FELT_MS = 1_000;
const TOKEN = "hunter2";

function configOf(folder: TestFolder, url: string) {
  return {
    config: {
      store: folder.file("gateway.kv"),
      upstreams: { up: { url } },
      clients: { key: "header:x-api-key", known: "kv", required: true },
      limits: { perClient: { rate: "1/h", burst: 200, by: "client" } },
      routes: { "GET /*": { forward: "up", limit: "perClient" } },
    },
    env: { GATEWAY_ADMIN_TOKEN: TOKEN },
  };
}

/** What the operator is told. */
async function admin(url: string, method: string, path: string, body?: unknown) {
  const response = await fetch(`${url}/_gateway/${path}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const document = await response.json();
  assert(response.ok, JSON.stringify(document));
  return document;
}

async function statusOf(url: string, key: string): Promise<number> {
  const response = await fetch(`${url}/x`, { headers: { "x-api-key": key } });
  await response.body?.cancel();
  return response.status;
}

/** Asks until that is the answer; it must come in time. */
async function felt(url: string, key: string, status: number): Promise<void> {
  const begun = performance.now();
  while (await statusOf(url, key) !== status) {
    const ms = performance.now() - begun;
    // The machine may be busy; a second more would be another one's mistake.
    assert(ms < 2 * FELT_MS, `${status} was not felt within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

Deno.test("what the operator changes is felt in each process, and in those that start later", async () => {
  await using folder = await TestFolder.make({});
  await using upstream = startUpstream(() => Response.json(1));
  const config = configOf(folder, upstream.url);
  await using one = await startProgram(config);
  let key: string;
  {
    await using other = await startProgram(config);
    ({ key } = await admin(one.url, "POST", "clients", { name: "mobile" }));
    await felt(other.url, key, 200);

    await admin(one.url, "PUT", "buckets/ban?client=mobile&for=1h");
    await felt(other.url, key, 429);
    await admin(other.url, "DELETE", "buckets/ban?client=mobile");
    await felt(one.url, key, 200);
    await admin(one.url, "PUT", "buckets/ban?client=mobile&for=1h");
  }
  await using later = await startProgram(config);
  assertEquals(await statusOf(later.url, key), 429);
  await admin(later.url, "DELETE", "buckets/ban?client=mobile");
  await felt(one.url, key, 200);

  const { buckets: [before] } = await admin(one.url, "GET", "buckets?client=mobile");
  assert(before.left < 200, "some were taken, or are leased");
  assertEquals((await admin(later.url, "DELETE", "buckets?client=mobile")).reset, 1);
  await admin(later.url, "DELETE", "clients/mobile");
  await felt(one.url, key, 401);
  const told = one.output + later.output;
  assert(!told.includes(key) && !told.includes(TOKEN), "a secret is in the log");
});
