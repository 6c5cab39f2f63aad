import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { delay } from "@std/async";
import { type Program, startProgram, until, within } from "../support/program.ts";
import { hang, startUpstream } from "../support/upstream.ts";

/** What a new client may wait for its answer, once descriptors have run out (ms). */
const BOUND_MS = 2_000;

const SHELL = `ulimit -n 160; exec "$0" "$@"`;

function configFor(url: string) {
  return {
    store: "gateway.kv",
    upstreams: { it: { url, timeout: "20s" } },
    limits: { perClient: { rate: "1000/s", burst: 1_000 } },
    routes: {
      "GET /it": {
        deadline: "20s",
        limit: "perClient",
        gather: { it: { from: "it", path: "/{?query.n}" } },
      },
    },
  };
}

/** Connections of an attacker, each of which has sent `text` and sends nothing more. */
class Attack implements Disposable {
  readonly connections: Deno.TcpConn[] = [];

  /** Opens connections until there are so many, or one is refused. */
  async open(port: number, count: number, text: string): Promise<void> {
    while (count-- > 0) {
      try {
        const connection = await Deno.connect({ port, hostname: "127.0.0.1" });
        this.connections.push(connection);
        if (text !== "") await connection.write(new TextEncoder().encode(text));
      } catch {
        return; // refused, or closed already
      }
    }
  }

  [Symbol.dispose](): void {
    for (const connection of this.connections) connection.close();
  }
}

/** Asks on a connection of its own, and again when that was refused or closed. */
async function ask(program: Program, path: string): Promise<unknown> {
  const begun = performance.now();
  while (true) {
    try {
      const response = await within(
        fetch(program.url + path, { headers: { connection: "close" } }),
        `an answer of ${path}`,
        BOUND_MS,
      );
      const body = await response.json();
      return [response.status, body.status ?? body.complete];
    } catch (error) {
      if (!(error instanceof TypeError) || performance.now() - begun > BOUND_MS) throw error;
      await delay(5);
    }
  }
}

for (
  const [what, text] of [
    ["that say nothing", ""],
    ["with half a head", "GET /it HTTP/1.1\r\nHost: 127.0.0.1\r\nX-"],
    ["that are kept alive", "GET /_gateway/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"],
  ] as const
) {
  Deno.test(`200 connections ${what} take all descriptors: others are served, before and after`, async () => {
    const held = Promise.withResolvers<void>();
    await using upstream = startUpstream(async (request) => {
      if (request.url.endsWith("?n=held")) await held.promise;
      return Response.json({});
    });
    await using program = await startProgram({ config: configFor(upstream.url), shell: SHELL });
    const inFlight = ask(program, "/it?n=held");
    await until(() => upstream.requests.length === 1, "a request is in flight");

    using attack = new Attack();
    await attack.open(program.port, 200, text);
    assert(attack.connections.length > 90, `${attack.connections.length} were accepted`);
    assertEquals(await ask(program, "/_gateway/health/ready"), [200, "ready"]);
    for (let n = 0; n < 20; n++) assertEquals(await ask(program, `/it?n=${n}`), [200, true]);
    held.resolve();
    assertEquals(await inFlight, [200, true], "what was in flight is answered");

    program.signal("SIGTERM");
    assertEquals(await program.ended(), 0);
    const told =
      /^listener: .*: idle connections were closed, listening again \(1 since the start\)$/;
    assertEquals(program.errors.length, 1, program.stderr);
    assertMatch(String(program.told[0]), told);
  });
}

Deno.test("connections that come steadily are closed before calls to upstreams lack descriptors", async () => {
  await using upstream = startUpstream(() => Response.json({}));
  await using program = await startProgram({ config: configFor(upstream.url), shell: SHELL });
  using attack = new Attack();
  for (let n = 0; n < 150; n++) {
    await attack.open(program.port, 1, "GET / HTTP/1.1\r\n");
    const begun = performance.now();
    assertEquals(await ask(program, `/it?n=${n}`), [200, true]);
    assertLess(performance.now() - begun, BOUND_MS);
    await delay(10);
  }
  assert(attack.connections.length > 130, `${attack.connections.length} were accepted`);
  assertEquals(program.errors.length, 1, program.stderr);
  assertMatch(String(program.told[0]), /^listener: few file descriptors are left: /);
});

Deno.test("requests in flight that take all descriptors end at their deadline, and then others are served", async () => {
  await using upstream = startUpstream((request) =>
    request.url.endsWith("?n=slow") ? hang(request) : Response.json({})
  );
  const config = configFor(upstream.url);
  config.routes["GET /it"].deadline = "1s";
  await using program = await startProgram({ config, shell: SHELL });
  using attack = new Attack();
  const text = "GET /it?n=slow HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  await attack.open(program.port, 200, text);
  await until(
    () => ask(program, "/it").then(() => true, () => false),
    "others are answered",
    5_000,
  );
  assertEquals(await ask(program, "/it?n=1"), [200, true]);
});
