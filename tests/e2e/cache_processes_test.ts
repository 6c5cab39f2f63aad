import { assert, assertEquals } from "@std/assert";
import { startProgram, TestFolder, until } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";

/** What a purge may need to be felt in every process (ms). */
const FELT_MS = 1_000;
const TOKEN = "hunter2";

/** Programs on one store file, before one upstream. */
function configOf(folder: TestFolder, url: string) {
  return {
    config: {
      store: folder.file("cache.kv"),
      trustedProxies: ["127.0.0.1"],
      upstreams: { up: { url, cache: {} } },
      routes: { "ANY /*": { forward: "up" } },
    },
    env: { GATEWAY_ADMIN_TOKEN: TOKEN },
  };
}

/** Asks as a balancer does that spreads clients over the processes: all of them named one host. */
function askAt(url: string, init?: RequestInit): Promise<Response> {
  const headers = { "x-forwarded-host": "shop.example", "x-forwarded-port": "443" };
  return fetch(url, { ...init, headers });
}

async function textOf(url: string, init?: RequestInit): Promise<string> {
  const response = await askAt(url, init);
  assertEquals(response.status, 200);
  return await response.text();
}

/** Asks until the answer is another than before; for how long it was not (ms). */
async function changedAfter(url: string, before: string): Promise<number> {
  const begun = performance.now();
  while (await textOf(url) === before) {
    assert(performance.now() - begun < 10 * FELT_MS, "it never changed");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - begun;
}

Deno.test("what one process keeps serves another that starts cold", async () => {
  let count = 0;
  await using folder = await TestFolder.make({});
  await using upstream = startUpstream(() =>
    new Response(String(++count).repeat(200_000), { headers: { "cache-control": "max-age=600" } })
  );
  await using first = await startProgram(configOf(folder, upstream.url));
  const answer = await textOf(`${first.url}/x`);
  await isWritten(folder);
  await using second = await startProgram(configOf(folder, upstream.url));
  assertEquals(await textOf(`${second.url}/x`), answer);
  assertEquals(count, 1);
});

Deno.test("a stored response serves a process that starts when no other runs", async () => {
  let count = 0;
  await using folder = await TestFolder.make({});
  await using upstream = startUpstream(() => {
    count++;
    return new Response("x".repeat(4 * 2 ** 20), { headers: { "cache-control": "max-age=600" } });
  });
  {
    await using first = await startProgram(configOf(folder, upstream.url));
    await textOf(`${first.url}/x`);
    await isWritten(folder);
  }
  await using second = await startProgram(configOf(folder, upstream.url));
  const response = await askAt(`${second.url}/x`);
  assert(response.headers.get("cache-status")?.includes("hit"));
  assertEquals((await response.text()).length, 4 * 2 ** 20);
  assertEquals(count, 1);
});

Deno.test("a response too large to be stored is in no process and not in the store", async () => {
  await using folder = await TestFolder.make({});
  const size = 4 * 2 ** 20 + 1;
  await using upstream = startUpstream(() =>
    new Response("x".repeat(size), { headers: { "cache-control": "max-age=600" } })
  );
  await using one = await startProgram(configOf(folder, upstream.url));
  for (let time = 1; time <= 2; time++) {
    assertEquals((await textOf(`${one.url}/x`)).length, size);
    assertEquals(upstream.requests.length, time);
  }
  const { keys } = await (await fetch(`${one.url}/_gateway/cache`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  })).json();
  assertEquals(keys, 0);
  await using other = await startProgram(configOf(folder, upstream.url));
  assertEquals((await textOf(`${other.url}/x`)).length, size);
  assertEquals(upstream.requests.length, 3);
});

/** How many records the store has: of answers, and of the chunks that they stand in. */
async function records(folder: TestFolder): Promise<{ answers: number; chunks: number }> {
  using kv = await Deno.openKv(folder.file("cache.kv"));
  const keys = await Array.fromAsync(kv.list({ prefix: ["sluice", "cache"] }), ({ key }) => key);
  const answers = keys.filter((key) => key[2] === "index").length;
  return { answers, chunks: keys.length - answers };
}

/** An answer is written behind the client's back. */
async function isWritten(folder: TestFolder): Promise<void> {
  await until(async () => (await records(folder)).answers > 0, "an answer is written");
}

Deno.test("a purge, and a change at the origin, are felt in every process within a second", async () => {
  let count = 0;
  await using folder = await TestFolder.make({});
  await using upstream = startUpstream(() =>
    new Response(String(++count), {
      headers: { "cache-control": "max-age=600", "cache-tag": "numbers" },
    })
  );
  await using one = await startProgram(configOf(folder, upstream.url));
  await using other = await startProgram(configOf(folder, upstream.url));
  let kept = await textOf(`${one.url}/x`);
  await isWritten(folder);
  assertEquals(await textOf(`${other.url}/x`), kept);

  const purged = await fetch(`${one.url}/_gateway/cache?tag=numbers`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  assertEquals(purged.status, 200);
  await purged.body?.cancel();
  const byPurge = await changedAfter(`${other.url}/x`, kept);
  assert(byPurge <= FELT_MS, `it took ${byPurge} ms`);

  kept = await textOf(`${other.url}/x`);
  assert(await textOf(`${one.url}/x`) !== "1");
  await textOf(`${one.url}/x`, { method: "PUT", body: "new" });
  const byChange = await changedAfter(`${other.url}/x`, kept);
  assert(byChange <= FELT_MS, `it took ${byChange} ms`);
});

Deno.test("a process that is killed while it writes leaves no wrong response behind", async () => {
  const size = 4 * 2 ** 20;
  let version = 0;
  let torn = 0;
  await using upstream = startUpstream(() =>
    new Response(String(++version % 10).repeat(size), {
      headers: { "cache-control": "max-age=600" },
    })
  );
  for (let round = 0; round < 4; round++) {
    await using folder = await TestFolder.make({});
    {
      await using writing = await startProgram(configOf(folder, upstream.url));
      using kv = await Deno.openKv(folder.file("cache.kv"));
      await textOf(`${writing.url}/x`);
      const wanted = 1 + round * 13;
      await until(async () => {
        const prefix = { prefix: ["sluice", "cache"] };
        const some = await Array.fromAsync(kv.list(prefix, { limit: wanted }));
        return some.length === wanted;
      }, `${wanted} records are written`);
      writing.signal("SIGKILL");
      await writing.ended();
    }
    if ((await records(folder)).answers === 0) torn++;
    const before = version;
    await using reading = await startProgram(configOf(folder, upstream.url));
    for (let time = 0; time < 2; time++) {
      const text = await textOf(`${reading.url}/x`);
      assertEquals(text.length, size);
      assertEquals(new Set(text), new Set(String(version % 10)), "an answer put together from two");
    }
    assert(version <= before + 1, "it was not kept again");
  }
  assert(torn > 0, "no write was broken off");
});
