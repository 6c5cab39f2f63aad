import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { delay } from "@std/async";
import { type Program, startProgram, until } from "../support/program.ts";
import { Wire } from "../support/wire.ts";
import { hang, startUpstream, type TestUpstream } from "../support/upstream.ts";

/** What the gateway has for its stop, from the signal to its end (ms). */
const STOP_BOUND_MS = 5_000;
/** A stop that waits for nothing takes a small part of that (ms). */
const AT_ONCE_MS = 2_000;

/** An upstream that the test holds back until it releases it. */
function startHeldUpstream(): TestUpstream & { release(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const upstream = startUpstream(async () => {
    await promise;
    return Response.json({ released: true });
  });
  const end = upstream[Symbol.asyncDispose].bind(upstream);
  return Object.assign(upstream, {
    release: resolve,
    [Symbol.asyncDispose]() {
      resolve();
      return end();
    },
  });
}

function configFor(url: string) {
  return {
    store: ":memory:",
    upstreams: { it: { url, timeout: "60s" } },
    routes: {
      "GET /it": { deadline: "60s", gather: { it: { from: "it", path: "/{?query.n}" } } },
      "ANY /f/*": { deadline: "60s", forward: "it" },
    },
  };
}

/** Waits until nobody can connect any more. */
async function untilRefused(program: Program): Promise<void> {
  await until(async () => {
    try {
      (await Deno.connect({ port: program.port, hostname: "127.0.0.1" })).close();
      return false;
    } catch (error) {
      return error instanceof Deno.errors.ConnectionRefused;
    }
  }, "new connections are refused");
}

/** Sends a signal, and resolves to how long the program took to end after it. */
async function stop(program: Program, signal: Deno.Signal = "SIGTERM"): Promise<number> {
  const begun = performance.now();
  program.signal(signal);
  await program.ended();
  return performance.now() - begun;
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal}: 50 requests in flight finish, new ones are refused, then it ends`, async () => {
    await using upstream = startHeldUpstream();
    await using program = await startProgram({ config: configFor(upstream.url) });
    const answers = Array.from({ length: 50 }, async (_, index) => {
      try {
        // Each asks for something else, so that none is asked for another.
        const response = await fetch(`${program.url}/${index % 2 ? "it" : "f/it"}?n=${index}`);
        return [response.status, await response.json()];
      } catch (error) {
        return error;
      }
    });
    await until(() => upstream.requests.length === 50, "all 50 are in flight");

    program.signal(signal);
    await untilRefused(program);
    assertEquals(program.code, undefined, "it waits for the answers");
    upstream.release();

    const gathered = [200, { data: { it: { released: true } }, complete: true }];
    const forwarded = [200, { released: true }];
    const expected = answers.map((_, index) => index % 2 ? gathered : forwarded);
    assertEquals(await Promise.all(answers), expected);
    assertEquals(await program.ended(AT_ONCE_MS), 0);
    assertEquals(program.log.length, 50, "each has its line in the access log");
    assertEquals(program.log.filter((line) => line.includes("cutOff")), []);
    assertEquals(program.stderr, "");
  });
}

Deno.test("SIGTERM: a program that does nothing ends at once", async () => {
  await using program = await startProgram({ config: configFor("http://127.0.0.1:9") });
  assertLess(await stop(program), AT_ONCE_MS);
  assertEquals([program.code, program.stderr], [0, ""]);
});

Deno.test("SIGTERM: a program that has just said it listens ends as orderly as any", async () => {
  for (let time = 0; time < 10; time++) {
    await using program = await startProgram({ config: configFor("http://127.0.0.1:9") });
    program.signal("SIGTERM");
    assertEquals(await program.ended(), 0, "its exit code");
  }
});

Deno.test("SIGTERM: requests that wait get what is there before the program ends", async () => {
  await using upstream = startUpstream((request) =>
    request.url.includes("/fast") ? Response.json({ fast: true }) : hang(request)
  );
  const slow = { from: "it", path: "/slow{?query.n}" };
  const fast = { from: "it", path: "/fast" };
  await using program = await startProgram({
    config: {
      store: ":memory:",
      upstreams: { it: { url: upstream.url, timeout: "60s" } },
      routes: {
        "POST /batch": { deadline: "60s", batch: {} },
        "GET /some": { deadline: "60s", gather: { fast, slow: { ...slow, optional: true } } },
        "GET /all": { deadline: "60s", gather: { fast, slow } },
        "ANY /f/*": { deadline: "60s", forward: "it" },
      },
    },
  });
  let asked = 0;
  /** Each asks for something else, so that none is asked for another. */
  const target = (path: string) => `${path}?n=${++asked}`;
  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(program.url + target(path), { headers });
    return [response.status, await response.text()] as const;
  };
  const answers = Promise.all([
    ask("/some"),
    ask("/some", { prefer: "wait=50" }),
    ask("/all"),
    ask("/f/slow"),
    ask("/some", { accept: "application/x-ndjson" }),
    ask("/some", { accept: "text/event-stream" }),
  ]);
  const batch = fetch(`${program.url}/batch`, {
    method: "POST",
    body: JSON.stringify({ requests: [{ path: target("/some") }, { path: target("/all") }] }),
  });
  using wire = await Wire.connect(program.port);
  await wire.send(`GET ${target("/some")} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  const waiting = () => upstream.requests.filter(({ url }) => url.includes("/slow")).length;
  await until(() => waiting() === 9, "all are in flight");

  assertLess(await stop(program), STOP_BOUND_MS);
  assertEquals([program.code, program.stderr], [0, ""]);
  const [some, inTime, all, forwarded, lines, events] = await answers;
  for (const [status, text] of [some, inTime]) {
    const { data, complete, problems } = JSON.parse(text);
    assertEquals([status, data, complete], [200, { fast: { fast: true }, slow: null }, false]);
    assertEquals(problems[0].detail, "the gateway is stopping");
    assertMatch(problems[0].type, /deadline-exceeded$/);
  }
  assertEquals([all[0], forwarded[0], lines[0], events[0]], [504, 504, 200, 200]);
  assertMatch(lines[1], /\n\{"complete":false\}\n$/);
  assertMatch(events[1], /event: done\ndata: \{"complete":false\}\n\n$/);
  const { responses } = await (await batch).json();
  assertEquals(
    responses.map((
      { status, body }: { status: number; body: { complete?: boolean } },
    ) => [status, body.complete]),
    [[200, false], [504, undefined]],
  );
  const last = await wire.answer();
  assertEquals([last.status, last.headers.get("connection")], [200, "close"]);
  assertEquals(await wire.rest(), "");
  const logged = program.log.map((line) => JSON.parse(line));
  assertEquals(logged.map(({ path }) => path).toSorted(), [
    "/all",
    "/all",
    "/batch",
    "/f/slow",
    ...Array(6).fill("/some"),
  ]);
  assertEquals(logged.filter(({ cutOff }) => cutOff), []);
});

Deno.test("SIGTERM: a stream that never ends does not hold the stop beyond its bound", async () => {
  await using upstream = startUpstream((request) => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("data: 1\n\n"));
        request.signal.addEventListener("abort", () => controller.close(), { once: true });
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  await using program = await startProgram({ config: configFor(upstream.url) });
  const response = await fetch(`${program.url}/f/events`);
  assert(response.body);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  assertEquals((await reader.read()).value, "data: 1\n\n");

  assertLess(await stop(program), STOP_BOUND_MS);
  assertEquals(program.code, 0);
  assertEquals(await reader.read().then(({ done }) => done, () => true), true);
  const [{ path, status, cutOff }] = program.log.map((line) => JSON.parse(line));
  assertEquals([path, status, cutOff], ["/f/events", 200, true]);
  assertEquals(program.told, ["stopped before all work had finished"]);
});

Deno.test("SIGTERM: a client that never finishes its request does not hold the stop", async () => {
  await using program = await startProgram({ config: configFor("http://127.0.0.1:9") });
  using connection = await Deno.connect({ port: program.port, hostname: "127.0.0.1" });
  await connection.write(new TextEncoder().encode("GET /it HTTP/1.1\r\nHost: 127"));
  assertLess(await stop(program), STOP_BOUND_MS);
  assertEquals(program.code, 0);
});

Deno.test("SIGTERM: an upload that the stop breaks off is 503, to be sent again", async () => {
  await using program = await startProgram({ config: configFor("http://127.0.0.1:9") });
  using wire = await Wire.connect(program.port);
  await wire.send("POST /f/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345");
  await delay(100);
  assertLess(await stop(program), STOP_BOUND_MS);
  const { status, headers } = await wire.answer();
  assertEquals([status, headers.get("retry-after")], [503, "1"]);
});

Deno.test("SIGTERM: idle connections do not delay the stop", async () => {
  await using program = await startProgram({ config: configFor("http://127.0.0.1:9") });
  const connections: Deno.TcpConn[] = [];
  try {
    for (let count = 0; count < 10; count++) {
      const connection = await Deno.connect({ port: program.port, hostname: "127.0.0.1" });
      connections.push(connection);
      const request = "GET /_gateway/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
      await connection.write(new TextEncoder().encode(request));
      const buffer = new Uint8Array(4096);
      const answer = new TextDecoder().decode(
        buffer.subarray(0, await connection.read(buffer) ?? 0),
      );
      assertMatch(answer, /^HTTP\/1\.1 200 /);
    }
    assertLess(await stop(program), AT_ONCE_MS);
    assertEquals([program.code, program.stderr], [0, ""]);
  } finally {
    for (const connection of connections) connection.close();
  }
});

Deno.test("a second signal ends the program at once", async () => {
  for (const second of ["SIGTERM", "SIGINT"] as const) {
    await using upstream = startUpstream(hang);
    await using program = await startProgram({ config: configFor(upstream.url) });
    const cutOff = fetch(`${program.url}/it`).then(() => "answered", () => "cut off");
    await until(() => upstream.requests.length === 1, "it is in flight");
    program.signal("SIGTERM");
    await untilRefused(program);

    assertLess(await stop(program, second), AT_ONCE_MS);
    assertEquals(program.code, 1);
    assertEquals(await cutOff, "cut off");
  }
});

/** A config whose one answer leaves work behind, which asks `url` and writes `done.txt` at its end. */
function configWithBackground(url: string): string {
  return `
    import { defineGateway, json } from "sluice";
    export default defineGateway({
      store: ":memory:",
      upstreams: {
        work: {
          source: (call, ctx) => {
            ctx.background(async (signal) => {
              await (await fetch("${url}", { signal })).body?.cancel();
              await Deno.writeTextFile("done.txt", "done");
            });
            return Promise.resolve(json("begun"));
          },
        },
      },
      routes: { "GET /work": { gather: { work: { from: "work" } } } },
    });
  `;
}

Deno.test("SIGTERM: background work is waited for", async () => {
  await using upstream = startHeldUpstream();
  await using program = await startProgram({ config: configWithBackground(upstream.url) });
  await (await fetch(`${program.url}/work`)).body?.cancel();
  await until(() => upstream.requests.length === 1, "the work has begun");

  program.signal("SIGTERM");
  await untilRefused(program);
  assertEquals(await program.folder.has("done.txt"), false);
  upstream.release();
  assertEquals(await program.ended(AT_ONCE_MS), 0);
  assertEquals(await program.folder.has("done.txt"), true);
  assertEquals(program.stderr, "");
});

Deno.test("SIGTERM: background work that never ends does not hold the stop beyond its bound", async () => {
  await using upstream = startUpstream(hang);
  await using program = await startProgram({ config: configWithBackground(upstream.url) });
  await (await fetch(`${program.url}/work`)).body?.cancel();
  await until(() => upstream.requests.length === 1, "the work has begun");

  assertLess(await stop(program), STOP_BOUND_MS);
  assertEquals(program.code, 0);
  assertEquals(await program.folder.has("done.txt"), false);
});

Deno.test("SIGTERM: two programs on one store stop without waiting for each other", async () => {
  const config = configFor("http://127.0.0.1:9");
  await using first = await startProgram({ config, env: { GATEWAY_STORE: "shared.kv" } });
  const env = { GATEWAY_STORE: first.folder.file("shared.kv") };
  await using second = await startProgram({ config, env });
  assertLess(await stop(first), AT_ONCE_MS);
  const response = await fetch(`${second.url}/_gateway/health/ready`);
  assertEquals([response.status, await response.json()], [200, { status: "ready" }]);
  assertLess(await stop(second), AT_ONCE_MS);
  assertEquals([first.code, second.code], [0, 0]);
});
