import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { delay } from "@std/async";
import { type Program, runProgram, startProgram, until } from "../support/program.ts";
import { readSnippets } from "../support/snippets.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

/** Says which config's header came with a call, a while later. */
function startEcho(): TestUpstream {
  return startUpstream(async (request) => {
    await delay(20 + Math.random() * 100);
    return Response.json({ version: request.headers.get("x-config") });
  });
}

/** A config whose two upstreams, the second called after the first, are told its version. */
function configOf(version: number | string, url: string) {
  const upstream = { url, headers: { "x-config": `${version}` } };
  return {
    store: ":memory:",
    upstreams: { first: upstream, second: upstream },
    routes: {
      "GET /it": {
        gather: {
          first: { from: "first", path: "/" },
          second: { from: "second", path: "/{first.version}" },
        },
      },
      "GET /_/*": { forward: { to: "first", strip: "/_" } },
    },
  };
}

/** How many reloads have succeeded and failed, by the log. */
function reloadsOf({ told }: Program): [succeeded: number, failed: number] {
  const count = (pattern: RegExp) => told.filter((line) => pattern.test(String(line))).length;
  return [count(/^config: reloaded/), count(/^config: not reloaded/)];
}

async function reload(program: Program): Promise<void> {
  const sum = () => reloadsOf(program).reduce((sum, count) => sum + count);
  const before = sum();
  program.signal("SIGHUP");
  await until(() => sum() > before, "the config is reloaded");
}

async function get(url: string) {
  const response = await fetch(url);
  return { status: response.status, body: await response.json() };
}

Deno.test("reload: of 1,000 requests in flight and arriving, ten reloads lose none and mix none", async () => {
  await using upstream = startEcho();
  await using program = await startProgram({ config: configOf(0, upstream.url) });
  let isOver = false;
  const seen = new Map<string, number>();
  const wrong: unknown[] = [];
  let inFlight = 0;
  const client = async () => {
    while (!isOver) {
      inFlight++;
      const { status, body } = await get(`${program.url}/it`).catch((error) => ({
        status: 0,
        body: error,
      }));
      inFlight--;
      const { first, second } = body.data ?? {};
      const isWhole = status === 200 && body.complete && first.version === second.version;
      if (!isWhole) wrong.push([status, body]);
      else seen.set(first.version, (seen.get(first.version) ?? 0) + 1);
    }
  };
  const clients = Array.from({ length: 1_000 }, client);
  await until(() => seen.size > 0, "responses arrive");
  for (let version = 1; version <= 10; version++) {
    const isWrong = version === 4 || version === 8;
    const config = configOf(version, upstream.url);
    await program.folder.write(
      "test.config.json",
      isWrong ? '{"upstreams": {"first": {}}, "routes"' : JSON.stringify(config),
    );
    assertGreater(inFlight, 900, "requests are in flight");
    await reload(program);
    if (!isWrong) await until(() => seen.has(`${version}`), `version ${version} is in use`, 30_000);
  }
  isOver = true;
  await Promise.all(clients);
  assertEquals(wrong, []);
  assertEquals(reloadsOf(program), [8, 2]);
  const versions = [...seen.keys()].map(Number).sort((a, b) => a - b);
  assertEquals(versions, [0, 1, 2, 3, 5, 6, 7, 9, 10]);
  program.signal("SIGTERM");
  assertEquals(await program.ended(), 0);
  assertEquals(program.log.filter((line) => line.includes("cutOff")), []);
});

Deno.test("reload: a wrong config leaves the one before in use, and is told as --check tells it", async () => {
  await using upstream = startEcho();
  await using program = await startProgram({
    config: configOf("before", upstream.url),
    env: { GATEWAY_ADMIN_TOKEN: "secret" },
  });
  const status = async () => {
    const response = await fetch(`${program.url}/_gateway/config`, {
      headers: { authorization: "Bearer secret" },
    });
    return await response.json();
  };
  const before = await status();
  assertEquals([before.reloads, before.lastFailure], [{ succeeded: 0, failed: 0 }, null]);

  await program.folder.write("test.config.json", '{"upstreams": {"a": {}}, "routes": {}}');
  await reload(program);
  await using checked = await runProgram({
    config: { upstreams: { a: {} }, routes: {} },
    flags: ["--check"],
  });
  const errors = checked.stderr.trimEnd();
  assertMatch(errors, /upstreams\.a/);
  assertEquals(program.told, [
    `config: not reloaded, the config before stays in use:\n${errors}`,
  ]);
  const failed = await status();
  assertEquals(failed.reloads, { succeeded: 0, failed: 1 });
  assertEquals(failed.lastFailure.message, errors);
  assertEquals([failed.digest, failed.loaded], [before.digest, before.loaded]);
  assertEquals(await get(`${program.url}/_gateway/health/ready`), {
    status: 200,
    body: { status: "ready", config: "the last reload failed" },
  });
  assertEquals((await get(`${program.url}/_/`)).body, { version: "before" });

  const after = configOf("after", upstream.url);
  await program.folder.write("test.config.json", JSON.stringify(after));
  await reload(program);
  assertEquals((await get(`${program.url}/_/`)).body, { version: "after" });
  const { digest, reloads } = await status();
  assertEquals(reloads, { succeeded: 1, failed: 1 });
  assert(digest !== before.digest, "another config has another digest");
  assertEquals((await get(`${program.url}/_gateway/health/ready`)).body, { status: "ready" });
});

Deno.test("reload: what only a restart can change stays, and the log names it", async () => {
  await using upstream = startEcho();
  const config = configOf(0, upstream.url);
  await using program = await startProgram({ config });
  const changed = {
    ...config,
    store: "other.kv",
    cacheMemory: "1MiB",
    cacheDisk: "2MiB",
    overload: { maxBuffered: "9MiB" },
  };
  await program.folder.write("test.config.json", JSON.stringify(changed));
  await reload(program);
  assertEquals(
    program.told[0],
    "config: only a restart changes store, cacheMemory, cacheDisk, overload.maxBuffered",
  );
  assertEquals(await program.folder.has("other.kv"), false);
});

const MODULE = `
  import { json } from "sluice";
  import { version } from "./version.ts";
  const closed = version;
  export default {
    store: ":memory:",
    upstreams: { it: { source: () => Promise.resolve(json(closed)) } },
    routes: { "GET /it": { gather: { it: { from: "it" } } } },
  };
`;

Deno.test("reload: a module is loaded anew with what it imports, and its functions with what they close over", async () => {
  await using program = await startProgram({
    config: MODULE,
    files: { "version.ts": "export const version: number = 1;" },
  });
  const version = async () => (await get(`${program.url}/it`)).body.data.it;
  assertEquals(await version(), 1);
  await program.folder.write("version.ts", "export const version: number = 2;");
  await reload(program);
  assertEquals(await version(), 2);
  await program.folder.write("version.ts", "export const version: number = ;");
  await reload(program);
  assertMatch(program.told.join("\n"), /the config test\.config\.ts cannot be read: /);
  assertEquals(await version(), 2);
  await program.folder.write("version.ts", "export const version: number = 3;");
  await reload(program);
  assertEquals(await version(), 3);
});

Deno.test("reload: a worker's module is loaded anew, and its threads of before end", async () => {
  const work = (version: number) =>
    `import { version } from "./lib.ts";
    export default () => [version, ${version}];`;
  await using program = await startProgram({
    config: {
      store: ":memory:",
      upstreams: {},
      routes: { "GET /it": { gather: { it: { worker: "./work.ts" } } } },
    },
    files: { "work.ts": work(1), "lib.ts": "export const version = 1;" },
  });
  const version = async () => (await get(`${program.url}/it`)).body.data.it;
  assertEquals(await version(), [1, 1]);
  await program.folder.write("work.ts", work(2));
  await program.folder.write("lib.ts", "export const version = 2;");
  await reload(program);
  assertEquals(await version(), [2, 2]);
  program.signal("SIGTERM");
  assertEquals(await program.ended(), 0);
});

Deno.test("--watch-config: a change of the config or of what it imports reloads it, also by rename", async () => {
  await using program = await startProgram({
    config: MODULE,
    files: { "version.ts": "export const version = 1;" },
    flags: ["--watch-config"],
  });
  const version = async () => (await get(`${program.url}/it`)).body.data.it;
  assertEquals(await version(), 1);
  await program.folder.write("version.ts", "export const version = 22;");
  await until(async () => await version() === 22, "what it imports is reloaded");
  await program.folder.write("new.ts", MODULE.replace("json(closed)", "json(-closed)"));
  await Deno.rename(program.folder.file("new.ts"), program.folder.file("test.config.ts"));
  await until(async () => await version() === -22, "the config is reloaded");
  await delay(1_200);
  assertEquals(reloadsOf(program), [2, 0], "each change reloads it once");
});

Deno.test({
  name: "--reuse-port: an upgrade that restarts two processes one by one loses no request",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using upstream = startEcho();
    const start = (port: number, version: number) =>
      startProgram({
        config: configOf(version, upstream.url),
        flags: ["--reuse-port"],
        env: { PORT: `${port}`, GATEWAY_GRACE: "10s" },
      });
    await using first = await start(0, 1);
    await using second = await start(first.port, 1);
    let isOver = false;
    const wrong: unknown[] = [];
    const seen = new Set<string>();
    const client = async () => {
      while (!isOver) {
        const { status, body } = await get(`${first.url}/_/`).catch((error) => ({
          status: 0,
          body: error,
        }));
        if (status !== 200) wrong.push(body);
        else seen.add(body.version);
      }
    };
    const clients = Array.from({ length: 50 }, client);
    await using third = await start(first.port, 2);
    first.signal("SIGTERM");
    assertEquals(await first.ended(), 0);
    await using fourth = await start(first.port, 2);
    second.signal("SIGTERM");
    assertEquals(await second.ended(), 0);
    seen.clear();
    await until(() => seen.size > 0, "responses arrive after the upgrade");
    isOver = true;
    await Promise.all(clients);
    assertEquals(wrong, []);
    assertEquals([...seen], ["2"]);
    assert(third.code === undefined && fourth.code === undefined);
  },
});

Deno.test("GATEWAY_GRACE: a stop waits as long as it says, and no longer", async () => {
  await using upstream = startUpstream(() => new Response(new ReadableStream()));
  await using program = await startProgram({
    config: configOf(0, upstream.url),
    env: { GATEWAY_GRACE: "800ms" },
  });
  const response = fetch(`${program.url}/_/`).catch(() => {});
  await upstream.asked(1);
  const begun = performance.now();
  program.signal("SIGTERM");
  assertEquals(await program.ended(), 0);
  const took = performance.now() - begun;
  assert(took > 700 && took < 3_000, `it took ${took} ms`);
  await (await response)?.body?.cancel().catch(() => {});
});

Deno.test("GATEWAY_GRACE: anything but a duration is an error", async () => {
  await using program = await runProgram({ env: { GATEWAY_GRACE: "soon" } });
  assertEquals(program.code, 1);
  assertEquals(
    program.stderr,
    'GATEWAY_GRACE: must be a duration such as 4s or 30s; got "soon"\n',
  );
});

Deno.test("docs/operating.md shows the log of a reload as it is", async () => {
  const shown = (await readSnippets("docs/operating.md"))
    .filter(({ text }) => /^config: /.test(text)).map(({ text }) => text);
  const config = { ...configOf(0, "http://127.0.0.1:9"), upstreams: {}, routes: {} };
  const users = (timeout: string) => ({ users: { url: "http://127.0.0.1:9", timeout } });
  const routes = { "ANY /users/*": { forward: "users" } };
  await using program = await startProgram({ config });
  const write = (config: unknown) =>
    program.folder.write("test.config.json", JSON.stringify(config));
  await write({ ...config, upstreams: users("4 sec"), routes });
  await reload(program);
  await write({ ...config, upstreams: users("4s"), routes });
  await reload(program);
  const digestless = (text: string) => text.replaceAll(/\([0-9a-f]{12}\)/g, "(…)");
  assertEquals(digestless(program.told.join("\n")), digestless(shown[0] ?? "").trimEnd());
  const log = program.told.length;
  await write({ ...config, store: "other.kv", cacheMemory: "1MiB" });
  await reload(program);
  assertEquals(program.told[log], shown[1]?.trimEnd());
  assertEquals(shown.length, 2);
});
