import {
  assert,
  assertEquals,
  assertFalse,
  assertGreaterOrEqual,
  assertLess,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  DenoProcess,
  type Program,
  runProgram,
  startProgram,
  TestFolder,
  until,
  within,
} from "../support/program.ts";
import { hang, refusingUrl, startRawUpstream, startUpstream } from "../support/upstream.ts";

const minimal = { store: ":memory:", upstreams: {}, routes: {} };

/** A config with one route of that name, by which `--check` tells it from others. */
function named(name: string): string {
  return JSON.stringify({
    upstreams: { it: { url: "http://127.0.0.1:9" } },
    routes: { [`GET /${name}`]: { forward: "it" } },
  });
}

/** Holds a port of loopback, whoever holds it already. */
function hold(port: number): Disposable & { readonly port: number } {
  try {
    const listener = Deno.listen({ port, hostname: "127.0.0.1" });
    return { port: listener.addr.port, [Symbol.dispose]: () => listener.close() };
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    return { port, [Symbol.dispose]() {} };
  }
}

/** It ended with one clear message, for people: no stack trace, and nothing on standard output. */
function assertRefused(program: Program, message: RegExp, lines = 1): void {
  assertMatch(program.stderr, message);
  assertNotMatch(program.stderr, /\n\s+at |Uncaught/);
  assertEquals(program.stderr.trimEnd().split("\n").length, lines, program.stderr);
  assertEquals({ code: program.code, stdout: program.stdout }, { code: 1, stdout: "" });
}

Deno.test("start: it prints one line with its address, and responds there", async () => {
  await using program = await startProgram({ config: minimal });
  const response = await fetch(`${program.url}/_gateway/health/live`);
  assertEquals(await response.json(), { status: "live" });
  assertEquals(program.stdout.split("\n")[0], `listening on http://127.0.0.1:${program.port}`);
});

Deno.test("options: --port wins over PORT", async () => {
  using taken = hold(0);
  const flags = (port: number) => ["--port", String(port)];
  await using free = await startProgram({
    config: minimal,
    flags: flags(0),
    env: { PORT: String(taken.port) },
  });
  assert(free.listensOn);
  await using refused = await runProgram({ config: minimal, flags: flags(taken.port) });
  assertStringIncludes(refused.stderr, `127.0.0.1:${taken.port}`);
});

Deno.test("options: --host wins over HOST", async () => {
  await using found = await startProgram({
    config: minimal,
    flags: ["--host", "127.0.0.1"],
    env: { HOST: "variable.invalid" },
  });
  assertMatch(found.url, /^http:\/\/127\.0\.0\.1:/);
  await using refused = await runProgram({
    config: minimal,
    flags: ["--host", "flag.invalid"],
    env: { HOST: "127.0.0.1" },
  });
  assertRefused(refused, /^cannot listen on flag\.invalid:0: /);
});

Deno.test("options: HOST wins over the default", async () => {
  await using refused = await runProgram({ config: minimal, env: { HOST: "variable.invalid" } });
  assertRefused(refused, /^cannot listen on variable\.invalid:0: /);
});

Deno.test("options: --config wins over GATEWAY_CONFIG, and that over the folder's config", async () => {
  const files = {
    "flag.json": named("flag"),
    "variable.json": named("variable"),
    "gateway.config.json": named("folder"),
  };
  const env = { GATEWAY_CONFIG: "variable.json" };
  await using flag = await runProgram({ files, env, flags: ["--check", "--config", "flag.json"] });
  assertStringIncludes(flag.stdout, "GET /flag\n");
  await using variable = await runProgram({ files, env, flags: ["--check"] });
  assertStringIncludes(variable.stdout, "GET /variable\n");
  await using neither = await runProgram({ files, flags: ["--check"] });
  assertStringIncludes(neither.stdout, "GET /folder\n");
  await using none = await runProgram({ flags: ["--check"] });
  assertRefused(none, /^there is no gateway\.config\.ts in this folder: /);
});

Deno.test("options: a variable that is set to nothing counts as not set", async () => {
  // PORT is read as HOST is; its default is 8000, which another program may use.
  using taken = hold(0);
  const env = { PORT: "", HOST: "", GATEWAY_CONFIG: "", GATEWAY_STORE: "" };
  const config = JSON.stringify({ store: "./data/gateway.kv", upstreams: {}, routes: {} });
  const files = { "gateway.config.json": config };
  await using program = await runProgram({ files, env, flags: ["--port", String(taken.port)] });
  assertRefused(
    program,
    new RegExp(`^cannot listen on 127\\.0\\.0\\.1:${taken.port}: `),
  );
  assert(await program.folder.has("data/gateway.kv"), "the folder's config names the store");
});

Deno.test("options: a flag that does not exist is named, with those that do", async () => {
  await using program = await runProgram({ config: minimal, flags: ["--prot", "80"] });
  assertRefused(program, /'--prot'.*; --help lists all flags/);
});

Deno.test("options: a flag without its value, or a word that is no flag, is refused", async () => {
  for (const flags of [["--port"], ["--config"], ["serve"], ["--check=yes"]]) {
    await using program = await runProgram({ config: minimal, flags });
    assertRefused(program, /; --help lists all flags/);
  }
});

for (const port of ["http", "-1", "65536", "80.5", "0x50", " 80", ""]) {
  Deno.test(`options: "${port}" is no port`, async () => {
    await using program = await runProgram({ config: minimal, flags: [`--port=${port}`] });
    assertRefused(program, new RegExp(`^port: must be .*; got "${port}"\n$`));
  });
}

Deno.test("options: a port that is taken is named, with what to do", async () => {
  using taken = hold(0);
  await using program = await runProgram({ config: minimal, env: { PORT: String(taken.port) } });
  assertRefused(
    program,
    new RegExp(`^cannot listen on 127\\.0\\.0\\.1:${taken.port}: .* --port\n$`),
  );
});

Deno.test("check: prints each route with its stacks and its worst-case time", async () => {
  const config = {
    store: "never/opened.kv",
    upstreams: {
      users: { url: "http://127.0.0.1:9", timeout: "400ms", maxBody: "64KiB" },
      orders: { url: "http://127.0.0.1:9" },
    },
    routes: {
      "GET /home/:id": {
        deadline: "3s",
        gather: {
          profile: { from: "users", path: "/users/{id}" },
          orders: { from: "orders", path: "/orders", method: "POST", optional: true },
          note: { from: "users", as: "text", timeout: "1500ms", otherwise: "" },
        },
      },
      "ANY /users/*": { forward: "users" },
    },
  };
  await using program = await runProgram({ config, flags: ["--check"] });
  assertEquals(program.stderr, "");
  assertEquals(
    program.stdout,
    `upstreams: 2, routes: 2

GET /home/:id
  deadline 3s, worst case 3s, 3 upstream calls
  profile (required): accept json → coalesce → timeout 400ms → buffer 64KiB → GET users
  orders (optional): accept json → coalesce → shed → timeout 5s → buffer 4MiB → POST orders
  note (optional): accept text → coalesce → shed → timeout 1500ms → buffer 64KiB → GET users

ANY /users/*
  deadline 10s, worst case 400ms, 1 upstream call
  forward users: timeout 400ms
`,
  );
  assertEquals(program.code, 0);
  assertFalse(await program.folder.has("never"), "it opens no store");
});

Deno.test("openapi: --openapi prints the document, and nothing else", async () => {
  const config = {
    store: "never/opened.kv",
    upstreams: { up: { url: "http://127.0.0.1:9" } },
    routes: { "GET /home/:id": { gather: { it: { from: "up", path: "/{id}" } } } },
  };
  await using program = await runProgram({ config, flags: ["--openapi"] });
  assertEquals({ code: program.code, stderr: program.stderr }, { code: 0, stderr: "" });
  const { openapi, info, paths } = JSON.parse(program.stdout);
  assertEquals([openapi, info.title, Object.keys(paths)], ["3.1.0", "API", ["/home/{id}"]]);
  assertFalse(await program.folder.has("never"), "it opens no store");
  await using refused = await runProgram({
    config: { ...config, upstreams: {} },
    flags: ["--openapi"],
  });
  assertRefused(refused, /must be the name of an upstream/);
});

const wrong = {
  store: "never/opened.kv",
  upstreams: { users: { url: "users.example", timeout: "4 sec", tiemout: "1s" } },
  routes: {
    "GET /a/:id": { gather: { a: { from: "usres", path: "/{idd}" } } },
    "FETCH /b": { forward: "users" },
    "GET /c": {},
  },
};

for (const flags of [["--check"], []]) {
  const how = flags[0] ?? "a start";
  Deno.test(`config: ${how} names everything that is wrong, each with place and rule`, async () => {
    await using program = await runProgram({ config: wrong, flags });
    const places = [
      /^upstreams\.users\.url: must be .*; got "users\.example"$/m,
      /^upstreams\.users\.timeout: must be a duration.*; got "4 sec"$/m,
      /^upstreams\.users\.tiemout: .*did you mean "timeout"\?$/m,
      /^routes\["GET \/a\/:id"\]\.gather\.a\.from: .*; got "usres"; did you mean "users"\?$/m,
      /^routes\["GET \/a\/:id"\]\.gather\.a: "\{idd\}" .*did you mean "id"\?$/m,
      /^routes\["FETCH \/b"\]: must start with one of GET/m,
      /^routes\["GET \/c"\]: must have exactly one of gather, first, forward and batch$/m,
    ];
    for (const place of places) assertMatch(program.stderr, place);
    assertRefused(program, /./, places.length);
    assertFalse(await program.folder.has("never"), "it opens no store");
  });
}

Deno.test("config: a TypeScript module may have sources of its own", async () => {
  const config = `
    import { defineGateway, json } from "sluice";
    export default defineGateway({
      store: ":memory:",
      upstreams: { clock: { source: (call) => Promise.resolve(json({ asked: call.path })) } },
      routes: { "GET /now/:zone": { gather: { now: { from: "clock", path: "/{zone}" } } } },
    });
  `;
  await using program = await startProgram({ config });
  const response = await fetch(`${program.url}/now/utc`);
  assertEquals(await response.json(), { data: { now: { asked: "/utc" } }, complete: true });
});

Deno.test("config: JSON has no functions, and says so", async () => {
  const config = { ...minimal, upstreams: { clock: { source: "now" } } };
  await using program = await runProgram({ config, flags: ["--check"] });
  assertRefused(program, /^upstreams\.clock\.source: must be a function, which only a TypeScript/);
});

const unusable: [name: string, file: string, text: string | undefined, message: RegExp][] = [
  ["a JSON file that is not there", "no.json", undefined, /cannot be read: No such file/],
  ["a module that is not there", "no.ts", undefined, /cannot be read: .*[Nn]ot found/],
  ["broken JSON", "broken.json", '{ "routes": ', /cannot be read: .*JSON/],
  ["an empty JSON file", "empty.json", "", /cannot be read: .*JSON/],
  ["a module with no default export", "none.ts", "export const config = {};", /default export/],
  ["a module that throws", "bad.ts", 'throw new Error("no luck");', /cannot be read: no luck/],
  ["a module that throws no Error", "odd.ts", 'throw "no luck";', /cannot be read: no luck/],
];

for (const [name, file, text, message] of unusable) {
  Deno.test(`config: ${name} is one clear error`, async () => {
    await using program = await runProgram({
      files: text === undefined ? {} : { [file]: text },
      flags: ["--config", file],
    });
    assertRefused(program, message);
    assertMatch(program.stderr, new RegExp(`^the config ${file} `));
  });
}

for (
  const [name, config, message] of [
    ["is no TypeScript", "export default {\n  routes: [ }", /test\.config\.ts:2/],
    ["imports what is not there", 'import "./gone.ts";', /Module not found .*gone\.ts/],
  ] as const
) {
  Deno.test(`config: a module that ${name} is shown where it breaks`, async () => {
    await using program = await runProgram({ config });
    assertMatch(program.stderr, /^the config test\.config\.ts cannot be read: /);
    assertMatch(program.stderr, message);
    assertNotMatch(program.stderr, /main\.ts|Uncaught/);
    assertEquals({ code: program.code, stdout: program.stdout }, { code: 1, stdout: "" });
  });
}

Deno.test("config: a folder in place of the file is one clear error", async () => {
  for (const name of ["folder.json", "folder.ts"]) {
    await using folder = await TestFolder.make();
    await Deno.mkdir(folder.file(name));
    await using program = await runProgram({ flags: ["--config", folder.file(name)] });
    assertRefused(program, /^the config \S+ cannot be read: /);
  }
});

Deno.test("config: a gateway.config.ts that throws is one clear error", async () => {
  await using folder = await TestFolder.withProgram();
  await folder.write("gateway.config.ts", 'throw new Error("no luck"); export default {};');
  await using program = new DenoProcess(["run", "-A", "main.ts", "--check"], { cwd: folder.path });
  assertEquals(await program.ended(), 1);
  assertMatch(program.stderr, /^the config gateway\.config\.ts cannot be read: no luck\n$/);
});

Deno.test("config: a gateway.config.ts with no default export is one clear error", async () => {
  await using folder = await TestFolder.withProgram();
  await folder.write("gateway.config.ts", "export const config = {};");
  await using program = new DenoProcess(["run", "-A", "main.ts", "--check"], { cwd: folder.path });
  assertEquals(await program.ended(), 1);
  assertMatch(program.stderr, /default export\n$/);
});

Deno.test("env: a variable that a config needs and that is not set is named", async () => {
  const config = {
    ...minimal,
    upstreams: {
      users: { url: { env: "USERS_URL" }, headers: { authorization: { env: "USERS_TOKEN" } } },
    },
  };
  await using program = await runProgram({ config, env: { USERS_TOKEN: "" }, flags: ["--check"] });
  assertRefused(program, /^upstreams\.users\.url: .* USERS_URL is not set$/m, 2);
  assertRefused(
    program,
    /^upstreams\.users\.headers\.authorization: .* USERS_TOKEN is not set$/m,
    2,
  );
});

const SECRET = "correct-horse-battery-staple";

Deno.test("secrets: what the environment holds is sent, and written nowhere", async () => {
  const seen: (string | null)[] = [];
  await using upstream = startUpstream((request) => {
    seen.push(request.headers.get("authorization"));
    return new URL(request.url).pathname.endsWith("/fine")
      ? Response.json({ fine: true })
      : Response.json({ no: SECRET }, { status: 500 });
  });
  const config = {
    store: ":memory:",
    upstreams: {
      users: { url: { env: "BASE" }, headers: { authorization: { env: "TOKEN" } } },
      gone: { url: { env: "GONE" } },
    },
    routes: {
      "GET /fine": { gather: { it: { from: "users", path: "/fine" } } },
      "GET /failing": { gather: { it: { from: "users", path: "/x" } } },
      "GET /gone": { gather: { it: { from: "gone" } } },
      "ANY /f/*": { forward: "users" },
    },
  };
  const env = {
    BASE: `${upstream.url}/${SECRET}`,
    TOKEN: `Bearer ${SECRET}`,
    GONE: `http://127.0.0.1:9/${SECRET}`,
  };
  await using checked = await runProgram({ config, env, flags: ["--check"] });
  await using program = await startProgram({ config, env });
  const answers: string[] = [];
  for (const path of ["/fine", "/failing", "/gone", `/f/x?key=${SECRET}`]) {
    const response = await fetch(program.url + path, { headers: { cookie: SECRET } });
    const { status } = response;
    const text = await response.text();
    if (!path.startsWith("/f/")) answers.push(`${status} ${text}`);
  }
  program.signal("SIGTERM");
  assertEquals(await program.ended(), 0);
  assertEquals(new Set(seen), new Set([`Bearer ${SECRET}`]));
  assertEquals(answers.map((answer) => answer.slice(0, 3)), ["200", "502", "502"]);
  for (const text of [checked.output, program.output, ...answers]) {
    assertFalse(text.includes(SECRET), text);
  }
});

for (
  const [rule, upstream] of [
    ["a URL that is none", { url: { env: "SECRET" } }],
    ["a URL with a query", { url: { env: "WITH_QUERY" } }],
    ["a URL with a password", { url: { env: "WITH_PASSWORD" } }],
    ["a header that cannot be sent", {
      url: "http://127.0.0.1:9",
      headers: { authorization: { env: "TWO_LINES" } },
    }],
  ] as const
) {
  Deno.test(`secrets: ${rule} is refused without showing what the variable holds`, async () => {
    const env = {
      SECRET,
      WITH_QUERY: `https://users.example/?key=${SECRET}`,
      WITH_PASSWORD: `https://me:${SECRET}@users.example/`,
      TWO_LINES: `${SECRET}\n${SECRET}`,
    };
    const config = { ...minimal, upstreams: { users: upstream } };
    await using program = await runProgram({ config, env, flags: ["--check"] });
    assertRefused(program, /^upstreams\.users\./);
    assertFalse(program.output.includes(SECRET), program.output);
  });
}

Deno.test("store: missing folders are made", async () => {
  const config = { ...minimal, store: "./two/folders/gateway.kv" };
  await using program = await startProgram({ config });
  assert(await program.folder.has("two/folders/gateway.kv"));
  const response = await fetch(`${program.url}/_gateway/health/ready`);
  assertEquals([response.status, await response.json()], [200, { status: "ready" }]);
});

Deno.test("store: GATEWAY_STORE wins over the config", async () => {
  const config = { ...minimal, store: "config/gateway.kv" };
  await using program = await startProgram({ config, env: { GATEWAY_STORE: "env/gateway.kv" } });
  assert(await program.folder.has("env/gateway.kv"));
  assertFalse(await program.folder.has("config"));
});

for (
  const [what, store] of [
    ["a path through a file", "file/gateway.kv"],
    ["a folder", "."],
    ["a file that is no database", "file"],
  ] as const
) {
  Deno.test(`store: ${what} cannot be opened, which is one clear error`, async () => {
    await using program = await runProgram({
      config: { ...minimal, store },
      files: { file: "no database ".repeat(1000) },
    });
    assertRefused(program, new RegExp(`^the store ${RegExp.escape(store)} cannot be opened: `));
  });
}

Deno.test("start: an unexpected error once the store is open ends the process", async () => {
  const config = `
    import { Hono } from "hono";
    Hono.prototype.route = () => { throw new Error("no router") };
    export default { store: "gateway.kv", upstreams: {}, routes: {} };`;
  await using program = await runProgram({ config });
  assertRefused(program, /^the gateway failed: Error: no router\n$/);
});

Deno.test("store: a server that takes connections and says nothing is one clear error, in time", async () => {
  await using silent = startRawUpstream((raw) => raw.closed());
  const begun = performance.now();
  await using program = await runProgram({
    config: { ...minimal, store: silent.url },
    env: { DENO_KV_ACCESS_TOKEN: "token" },
  });
  assertRefused(
    program,
    new RegExp(
      `^the store ${RegExp.escape(silent.url)} cannot be opened: no response within 5 s; ` +
        "is a KV Connect server there, and can it be reached from this machine\\?\\n$",
    ),
  );
  assertLess(performance.now() - begun, 8_000);
});

for (
  const [what, env, told] of [
    ["nobody listens", { DENO_KV_ACCESS_TOKEN: "token" }, /Connection refused/],
    ["no token is set", {}, /DENO_KV_ACCESS_TOKEN/],
  ] as const
) {
  Deno.test(`store: a URL is one clear error when ${what}`, async () => {
    const url = refusingUrl();
    await using program = await runProgram({ config: { ...minimal, store: url }, env });
    assertRefused(program, new RegExp(`^the store ${RegExp.escape(url)} cannot be opened: `));
    assertMatch(program.stderr, told);
  });
}

Deno.test("ready: says so while the store can be read, and keeps it out of caches", async () => {
  await using program = await startProgram({ config: minimal });
  const response = await fetch(`${program.url}/_gateway/health/ready`);
  assertEquals(await response.json(), { status: "ready" });
  assertEquals(response.headers.get("cache-control"), "no-store");
});

/** A KV Connect server that hands out its own address and then answers no question. */
function startFailingStore(answer: (request: Request) => Response | Promise<Response>) {
  return startUpstream((request) => {
    const url = new URL(request.url);
    if (url.pathname !== "/") return answer(request);
    return Response.json({
      version: 3,
      databaseId: crypto.randomUUID(),
      endpoints: [{ url: `${url.origin}/data`, consistency: "strong" }],
      token: "token",
      expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
    });
  });
}

for (
  const [what, answer] of [
    ["fails", () => new Response(null, { status: 500 })],
    ["stalls", hang],
  ] as const
) {
  Deno.test(`ready: a store that ${what} is reported within its timeout, and stops nothing`, async () => {
    await using store = startFailingStore(answer);
    await using program = await startProgram({
      config: minimal,
      env: { GATEWAY_STORE: store.url, DENO_KV_ACCESS_TOKEN: "token" },
    });
    const begun = performance.now();
    const response = await within(fetch(`${program.url}/_gateway/health/ready`), "an answer");
    assertEquals(response.status, 503);
    assertEquals(await response.json(), {
      status: "not ready",
      reason: "the store cannot be read",
    });
    assertLess(performance.now() - begun, 2_500);
    const live = await fetch(`${program.url}/_gateway/health/live`);
    assertEquals([live.status, (await live.json()).status], [200, "live"]);
    program.signal("SIGTERM");
    assertEquals(await program.ended(3_000), 0);
    assertGreaterOrEqual(store.requests.length, 2, "it was asked");
  });
}

Deno.test("access log: one JSON line a request, on standard output, and nothing else", async () => {
  await using upstream = startUpstream((request) =>
    request.url.endsWith("/users/1") ? Response.json({ id: 1 }) : Response.json({}, { status: 500 })
  );
  const config = {
    store: ":memory:",
    upstreams: { users: { url: upstream.url } },
    routes: {
      "GET /home/:id": {
        gather: {
          user: { from: "users", path: "/users/{id}" },
          orders: { from: "users", path: "/orders", optional: true },
        },
      },
      "ANY /f/*": { forward: { to: "users", strip: "/f" } },
    },
  };
  await using program = await startProgram({ config });
  const ask = async (path: string, id: string) => {
    const response = await fetch(program.url + path, { headers: { "x-request-id": id } });
    await response.body?.cancel();
  };
  await ask("/home/1?token=1", "one");
  await ask("/home/2", "two");
  await ask("/f/users/1", "three");
  await ask("/nowhere", "four");
  await ask("/_gateway/health/live", "five");
  await until(() => program.log.length === 5, "five lines are written while it runs");

  const entries = program.log.map((line) => JSON.parse(line));
  for (const entry of entries) {
    assertMatch(entry.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assertMatch(entry.client, /^[0-9a-f]{12}$/);
    assertGreaterOrEqual(entry.durationMs, 0);
  }
  assertEquals(entries.map(({ id, path, status }) => [id, path, status]), [
    ["one", "/home/1", 200],
    ["two", "/home/2", 502],
    ["three", "/f/users/1", 200],
    ["four", "/nowhere", 404],
    ["five", "/_gateway/health/live", 200],
  ]);
  assertEquals(entries.map(({ route, problem }) => [route, problem]), [
    ["GET /home/:id", undefined],
    ["GET /home/:id", "upstream-error"],
    ["ANY /f/*", undefined],
    [undefined, "not-found"],
    [undefined, undefined],
  ]);
  const parts = entries[0].parts.map((
    { part, problem }: Record<string, unknown>,
  ) => [part, problem]);
  assertEquals(parts.toSorted(), [["orders", "upstream-error"], ["user", undefined]]);
  assertEquals(program.stderr, "");
});

Deno.test("access log: what waits is written before the program ends", async () => {
  await using program = await startProgram({ config: minimal });
  const response = await fetch(`${program.url}/_gateway/health/live`);
  program.signal("SIGTERM");
  await response.body?.cancel();
  assertEquals(await program.ended(), 0);
  assertEquals(program.log.map((line) => JSON.parse(line).path), ["/_gateway/health/live"]);
  assertEquals(program.stderr, "");
});

Deno.test("access log: a path cannot break its line", async () => {
  await using program = await startProgram({ config: minimal });
  const response = await fetch(`${program.url}/a%0A%22b%E2%80%A8`);
  await response.body?.cancel();
  await until(() => program.log.length > 0, "the line is written");
  assertEquals(program.log.map((line) => JSON.parse(line).status), [404]);
});
