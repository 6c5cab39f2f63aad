import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { delay } from "@std/async";
import { type Program, runProgram, startProgram, until } from "../support/program.ts";
import { mountSmallDisk } from "../support/small_disk.ts";
import { holdStore } from "../support/store_holder.ts";

/** How soon a request is decided without the store (ms). */
const DECIDED_MS = 400;
const POLICIES = { local: 200, open: 200, closed: 503 } as const;

/** A limit for each policy; `/none` has no limit. */
function configOf(store: string, policies: readonly string[] = Object.keys(POLICIES)) {
  return {
    store,
    upstreams: { it: { url: "http://127.0.0.1:1" } },
    clients: { key: "header:x-api-key", known: {} },
    limits: Object.fromEntries(policies.map((policy) => [
      policy,
      { rate: "100/h", burst: 100, by: "header:x-client", onStoreFailure: policy },
    ])),
    routes: Object.fromEntries(policies.map((policy) => [
      `GET /${policy}`,
      { limit: policy, cache: { ttl: "1m" }, gather: { it: { from: "it", optional: true } } },
    ])),
  };
}

/** Asks as a client who was never here before. */
async function ask({ url }: Program, path: string): Promise<{ status: number; ms: number }> {
  const begun = performance.now();
  const response = await fetch(url + path, { headers: { "x-client": crypto.randomUUID() } });
  await response.body?.cancel();
  return { status: response.status, ms: performance.now() - begun };
}

async function ready({ url }: Program) {
  const response = await fetch(`${url}/_gateway/health/ready`);
  return { status: response.status, ...await response.json() };
}

/** What the log said of the store. */
function told(program: Program): string[] {
  return program.told.map(String).filter((message) => message.startsWith("store: "));
}

Deno.test("a store that another process holds: each limit's policy in time, one line, and health", async () => {
  await using program = await startProgram({ config: configOf("./gateway.kv") });
  for (const [policy] of Object.entries(POLICIES)) {
    assertEquals((await ask(program, `/${policy}`)).status, 200, policy);
  }
  assertEquals(await ready(program), { status: "ready" });
  {
    await using _held = await holdStore(`${program.folder.path}/gateway.kv`);
    for (const together of [1, 8]) {
      for (const [policy, status] of Object.entries(POLICIES)) {
        const asked = Array.from({ length: together }, () => ask(program, `/${policy}`));
        for (const { status: got, ms } of await Promise.all(asked)) {
          assertEquals(got, status, `${policy}, ${together} at once`);
          assertLess(ms, DECIDED_MS, `${policy}, ${together} at once`);
        }
      }
    }
    const { status, reason } = await ready(program);
    assertEquals(status, "not ready");
    assertMatch(reason, /^the store cannot be (?:read|written)$/);
    await until(() => told(program).length > 0, "it says so");
    const [line = "", ...more] = told(program);
    assertMatch(line, /^store: the store cannot be \w+: /);
    assertEquals(more, []);
  }
  await until(async () => (await ready(program)).status === "ready", "it is ready again");
  await until(async () => (await ask(program, "/closed")).status === 200, "it is used again");
  await until(() => told(program).length > 1, "it says so");
  const [, ...more] = told(program);
  assertEquals(more, ["store: the store is back"]);
});

Deno.test("a store that others write to all the time is no store that is lost", async () => {
  await using one = await startProgram({ config: configOf("./gateway.kv", ["closed"]) });
  const store = `${one.folder.path}/gateway.kv`;
  await using two = await startProgram({ config: configOf(store, ["closed"]) });
  const asked = [one, two].flatMap((program) =>
    Array.from({ length: 10 }, async () => {
      for (let admitted = 0; admitted < 40;) {
        const { status } = await ask(program, "/closed");
        if (status === 200) admitted++;
        else await delay(100);
      }
    })
  );
  await Promise.all(asked);
  // On a machine that has more to do, a process may stand still while it holds the file.
  assertLess(told(one).length + told(two).length, 6);
});

for (const what of ["deleted", "replaced"]) {
  Deno.test(`a store whose file was ${what} is reported`, async () => {
    await using closed = await startProgram({ config: configOf("./gateway.kv", ["closed"]) });
    const store = `${closed.folder.path}/gateway.kv`;
    await using local = await startProgram({ config: configOf(store, ["local"]) });
    await Deno.rename(store, `${store}.away`);
    if (what === "replaced") await Deno.writeTextFile(store, "");
    const says = new RegExp(`^the store's file was ${what}; restart the gateway`);
    for (const [program, member] of [[closed, "reason"], [local, "store"]] as const) {
      await until(() => told(program).length > 0, "it says so without being asked");
      assertMatch((await ready(program))[member], says);
    }
    assertEquals([(await ready(closed)).status, (await ready(local)).status], [
      "not ready",
      "ready",
    ]);
    await Deno.rename(`${store}.away`, store);
    for (const program of [closed, local]) {
      await until(() => told(program).length === 2, "and that it is back");
      assertEquals(told(program)[1], "store: the store is back");
      assertEquals((await ready(program)).status, "ready");
    }
  });
}

const disk = await mountSmallDisk(1_024);
const ignore = disk === undefined;
await disk?.[Symbol.asyncDispose]();

Deno.test({
  name: "a store whose disk is full reads well, and is not ready where limits are closed",
  ignore,
  async fn() {
    await using disk = await mountSmallDisk(1_024);
    assert(disk);
    const store = `${disk.path}/gateway.kv`;
    await using closed = await startProgram({ config: configOf(store, ["closed"]) });
    await using open = await startProgram({ config: configOf(store, ["open"]) });
    await disk.fill();
    // What has room in the log that SQLite made before is written nevertheless.
    await until(
      async () => (await ask(closed, "/closed")).status === 503,
      "nothing can be written",
    );
    await until(async () => (await ready(closed)).status === "not ready", "the closed one");
    assertEquals((await ask(open, "/open")).status, 200);
    await until(async () => (await ready(open)).store !== undefined, "the open one says so");
    assertEquals((await ready(open)).status, "ready");
    assertMatch(told(closed)[0] ?? "", /^store: the store cannot be \w+: .*(?:full|I\/O)/);
    await disk.empty();
    await until(async () => (await ready(closed)).status === "ready", "there is room again");
  },
});

Deno.test({
  name: "a start on a full disk, or in a folder that is read-only, says why in one line",
  ignore,
  async fn() {
    await using disk = await mountSmallDisk(1_024);
    assert(disk);
    const config = configOf(`${disk.path}/gateway.kv`);
    {
      await using _first = await startProgram({ config });
    }
    await disk.fill();
    await using full = await runProgram({ config });
    assertRefused(full, /is there space left on the disk\?$/);
    await using anew = await runProgram({ config: configOf(`${disk.path}/new/gateway.kv`) });
    assertRefused(anew, /is there space left on the disk\?$/);
    await disk.empty();
    await disk.setWritable(false);
    await using readOnly = await runProgram({ config });
    assertRefused(readOnly, /can this user write to its folder\?$/);
    await disk.setWritable(true);
  },
});

Deno.test("a start with a corrupt file says why in one line", async () => {
  await using program = await startProgram({ config: configOf("./gateway.kv", ["local"]) });
  const store = `${program.folder.path}/gateway.kv`;
  await ask(program, "/local");
  program.signal("SIGTERM");
  await program.ended();
  const bytes = await Deno.readFile(store);
  bytes.subarray(100).fill(0xa5);
  await Deno.writeFile(store, bytes);
  await using corrupt = await runProgram({ config: configOf(store) });
  assertRefused(corrupt, /move the file away to begin with a new one$/);
});

function assertRefused({ code, stdout, stderr }: Program, advice: RegExp): void {
  assertEquals([code, stdout], [1, ""], stderr);
  assertMatch(stderr.trimEnd(), /^the store \S+ cannot be opened: [^\n]+$/);
  assertMatch(stderr.trimEnd(), advice);
}
