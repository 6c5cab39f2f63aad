import { assert, assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { delay } from "@std/async";
import { Body } from "../../lib/core/body.ts";
import { KvPurges } from "../../lib/cache/kv_purges.ts";
import { kvTier } from "../support/kv_tier.ts";
import { KvStore, REMOTE_KV } from "../../lib/limiter/stores/kv_store.ts";
import { MISSING, NOW, write } from "../support/bucket_store_suite.ts";
import { Denokv, withDenokv } from "../support/denokv.ts";
import { type Program, runProgram, startProgram, until } from "../support/program.ts";
import { startStorePath } from "../support/store_path.ts";
import { startUpstream } from "../support/upstream.ts";

/** What a request may take whatever the store does: its 400 ms, once or twice, and the machine. */
const BOUND_MS = 1_500;
/** How soon the gateway must have noticed that the store is back. */
const BACK_MS = 5_000;
const BURST = 3;

/** One limit for each answer to a lost store; nothing comes in while a test lasts. */
function configOf(url: string) {
  const limit = { rate: "1/h", burst: BURST, by: "all" };
  const gather = { it: { from: "up", path: "/" } };
  return {
    upstreams: { up: { url, cache: {} } },
    clients: { key: "header:x-api-key", known: "kv" },
    limits: {
      local: limit,
      open: { ...limit, onStoreFailure: "open" },
      closed: { ...limit, burst: 1_000, onStoreFailure: "closed" },
    },
    routes: {
      "GET /local": { limit: "local", gather },
      "GET /open": { limit: "open", gather },
      "GET /closed": { limit: "closed", gather },
      "GET /cached/*": { forward: "up" },
    },
  };
}

/** The status of an answer, which must come in time. */
async function ask(program: Program, path: string, headers?: Record<string, string>) {
  const begun = performance.now();
  const response = await fetch(program.url + path, { headers: headers ?? {} });
  await response.body?.cancel();
  const ms = performance.now() - begun;
  assertLess(ms, BOUND_MS, `${path} took ${ms} ms`);
  return response.status;
}

async function askTimes(program: Program, path: string, times: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let time = 0; time < times; time++) statuses.push(await ask(program, path));
  return statuses;
}

function startOrigin() {
  return startUpstream(() =>
    Response.json({ ok: true }, { headers: { "cache-control": "max-age=60" } })
  );
}

/** What each limit does while the store is away, and what it remembers of that when it is back. */
async function goesOn(program: Program): Promise<void> {
  assertEquals(await askTimes(program, "/local", BURST), [200, 200, 429]);
  assertEquals(await askTimes(program, "/open", 2 * BURST), Array(2 * BURST).fill(200));
  assertEquals(await askTimes(program, "/closed", 2), [503, 503]);
  assertEquals(await ask(program, "/_gateway/health/live"), 200);
  assertEquals(await ask(program, "/_gateway/health/ready"), 503);
}

async function isBack(program: Program): Promise<void> {
  await until(
    async () => await ask(program, "/closed") === 200,
    "the store is used again",
    BACK_MS,
  );
  assertEquals(await ask(program, "/_gateway/health/ready"), 200);
  assertEquals(await ask(program, "/local"), 429, "what was admitted without the store counts");
}

withDenokv("a KV Connect server that fails", () => {
  Deno.test("KV Connect: a server that is killed and comes back, under each onStoreFailure", async () => {
    await using server = await Denokv.start();
    await using origin = startOrigin();
    await using program = await startProgram({ config: configOf(origin.url), env: server.env });
    for (const path of ["/local", "/open", "/closed"]) {
      assertEquals(await ask(program, path), 200);
    }
    await server.kill();
    await goesOn(program);
    await server.start();
    await isBack(program);
  });

  Deno.test("KV Connect: a server that takes questions and says nothing bounds every call", async () => {
    await using server = await Denokv.start();
    await using path = startStorePath(server.url);
    await using origin = startOrigin();
    await using program = await startProgram({
      config: configOf(origin.url),
      env: { ...server.env, GATEWAY_STORE: path.url },
    });
    for (const path of ["/local", "/open", "/closed"]) {
      assertEquals(await ask(program, path), 200);
    }
    path.state = "silent";
    await goesOn(program);
    assertEquals(await ask(program, "/cached/new"), 200, "a cache that cannot be read is a miss");
    const key = { "x-api-key": "whoever" };
    assertEquals(await ask(program, "/open", key), 503, "whose key it is cannot be seen");
    path.state = "open";
    await isBack(program);
    program.signal("SIGTERM");
    assertEquals(await program.ended(5_000), 0);
  });

  Deno.test("KV Connect: calls to a server that is down do not pile up", async () => {
    await using server = await Denokv.start();
    await using origin = startOrigin();
    await using program = await startProgram({ config: configOf(origin.url), env: server.env });
    await server.kill();
    const attempts = () => program.stderr.split("KV Connect failed").length - 1;
    for (let second = 0; second < 4; second++) {
      const asked = Array.from(
        { length: 50 },
        (_, i) => ask(program, "/open", { "x-api-key": `${second} ${i}` }),
      );
      assertEquals(new Set(await Promise.all(asked)), new Set([503]));
    }
    const before = attempts();
    await delay(1_000);
    // Each call that was given up is sent four to five times a second, until the server is back.
    assertLess(attempts() - before, 50 * 5 + 50);
    for (let second = 0; second < 3; second++) {
      assertEquals(await ask(program, "/open", { "x-api-key": `${second}` }), 503);
    }
    await server.start();
    await until(async () => await ask(program, "/open") === 200, "it is back", BACK_MS);
  });

  Deno.test("KV Connect: requests in flight when the server is killed get their responses in time", async () => {
    await using server = await Denokv.start();
    await using origin = startOrigin();
    await using program = await startProgram({ config: configOf(origin.url), env: server.env });
    const end = performance.now() + 3_000;
    const clients = ["/local", "/open", "/closed", "/closed"].map(async (path) => {
      const statuses = new Set<number>();
      while (performance.now() < end) {
        statuses.add(await ask(program, path));
        await delay(5);
      }
      return [...statuses].sort();
    });
    await delay(500);
    await server.kill();
    await delay(1_000);
    await server.start();
    const [local, open, ...closed] = await Promise.all(clients);
    assertEquals([local, open], [[200, 429], [200, 429]]);
    for (const statuses of closed) {
      assert(
        statuses.includes(200) && statuses.every((status) => [200, 429, 503].includes(status)),
      );
    }
  });

  Deno.test("KV Connect: a wrong token is reported at start, in one line that does not show it", async () => {
    await using server = await Denokv.start();
    const token = "another token than that";
    await using origin = startOrigin();
    await using program = await runProgram({
      config: configOf(origin.url),
      env: { ...server.env, DENO_KV_ACCESS_TOKEN: token },
    });
    assertEquals([program.code, program.stdout], [1, ""]);
    assertEquals(program.stderr.trimEnd().split("\n").length, 1, program.stderr);
    assert(program.stderr.startsWith(`the store ${server.url} cannot be opened: `));
    assert(program.stderr.includes("DENO_KV_ACCESS_TOKEN must be the server's access token."));
    assert(!program.stderr.includes(token));
  });

  Deno.test("KV Connect: a commit whose reply was lost is refused late, although it was written", async () => {
    await using server = await Denokv.start();
    await using path = startStorePath(server.url);
    using kv = await server.open(path.url);
    const store = new KvStore(kv, REMOTE_KV);
    assertEquals(await store.read(["a"]), [MISSING]);
    for (let key = 0; key < 5; key++) {
      path.state = "lossy";
      const begun = performance.now();
      const committed = store.commit([write(`${key}`, 5)]);
      await until(() => path.lost > key, "its answer is lost");
      path.state = "open";
      assertEquals(await committed, undefined);
      assertGreaterOrEqual(performance.now() - begun, REMOTE_KV.repeatsAfterMs);
      assertEquals((await store.read([`${key}`]))[0]?.level, { units: 5, at: NOW });
    }
  });

  Deno.test("KV Connect: a response is stored, and a purge is read, although the store's reply was lost", async () => {
    await using server = await Denokv.start();
    await using path = startStorePath(server.url);
    using kv = await server.open(path.url);
    const tier = kvTier(kv);
    const bans = new KvPurges(kv);
    assertEquals(await bans.readNew(), []);
    path.state = "lossy";
    const body = new Uint8Array(150_000).fill(7);
    const headers = new Headers();
    const times = { requestedAt: NOW, receivedAt: NOW };
    const facts = { status: 200, selection: "", url: "up /x", isAuthorized: false, ...times };
    const kept = tier.set("k", { ...facts, headers, body: Body.of(body) }, 60_000);
    const told = bans.add([{ of: "tag:a", isSoft: false, at: NOW }], 60_000);
    await until(() => path.lost >= 2, "an answer and a ban were written");
    path.state = "open";
    await Promise.all([kept, told]);
    const entry = await tier.get("k", new Headers());
    const bytes = await entry?.body.bytes(Infinity);
    assert(bytes?.length === body.length && bytes.every((byte) => byte === 7));
    assertEquals(new Set((await bans.readNew()).map(({ of }) => of)), new Set(["tag:a"]));
  });
});
