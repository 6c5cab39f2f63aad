import { assertEquals, assertMatch } from "@std/assert";
import { type Program, runProgram, startProgram } from "../support/program.ts";

const CONFIG = {
  store: ":memory:",
  upstreams: {},
  routes: {},
};
const isLinux = Deno.build.os === "linux";

/** Sends a request on a new connection; resolves to its status. */
async function ask(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/nothing`, {
    headers: { connection: "close" },
  });
  await response.body?.cancel();
  return response.status;
}

function start(port: number): Promise<Program> {
  return startProgram({
    config: CONFIG,
    flags: ["--reuse-port"],
    env: { PORT: String(port) },
  });
}

Deno.test({
  name: "--reuse-port: processes share a port, and one that stops leaves it to the others",
  ignore: !isLinux,
  async fn() {
    await using first = await start(0);
    const { port } = first;
    await using second = await start(port);
    assertEquals(second.port, port);
    const answered = (program: Program) => program.log.length > 0;
    for (let count = 0; count < 500 && !(answered(first) && answered(second)); count++) {
      assertEquals(await ask(port), 404);
    }
    assertEquals([answered(first), answered(second)], [true, true]);

    first.signal("SIGTERM");
    assertEquals(await first.ended(), 0);
    for (let count = 0; count < 20; count++) assertEquals(await ask(port), 404);
  },
});

Deno.test({
  name: "without --reuse-port a port that is shared is in use",
  ignore: !isLinux,
  async fn() {
    await using first = await start(0);
    await using other = await runProgram({
      config: CONFIG,
      env: { PORT: String(first.port) },
    });
    assertEquals(other.code, 1);
    assertMatch(other.stderr, /the port is in use/);
  },
});
