import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readEnvelope } from "../support/responses.ts";
import { runProgram, startProgram, until } from "../support/program.ts";

const CONFIG = {
  store: ":memory:",
  upstreams: {},
  routes: {
    "GET /:do": {
      deadline: "60s",
      gather: { it: { worker: "./work.ts", body: { do: "{do}" }, timeout: "60s" } },
    },
  },
};
const WORK = `
  export default async (input: { do: string }) => {
    if (input.do === "echo") return input;
    await Deno.writeTextFile("begun", "");
    while (true);
  };
`;

Deno.test("a JSON config names a module from where it is; the program responds with its result", async () => {
  await using program = await startProgram({ config: CONFIG, files: { "work.ts": WORK } });
  const { data } = await readEnvelope(await fetch(`${program.url}/echo`));
  assertEquals(data, { it: { do: "echo" } });
  program.signal("SIGTERM");
  assertEquals(await program.ended(), 0);
  assertEquals(program.stderr, "");
});

Deno.test("SIGTERM: work that never ends does not hold the stop beyond the stop's bound", async () => {
  await using program = await startProgram({ config: CONFIG, files: { "work.ts": WORK } });
  const asked = fetch(`${program.url}/loop`);
  await until(() => program.folder.has("begun"), "the work has begun");
  program.signal("SIGTERM");
  assertEquals(await program.ended(), 0);
  const { status, body } = await asked;
  await body?.cancel();
  assertEquals(status, 504);
});

Deno.test("a module that is missing keeps the gateway from starting", async () => {
  await using program = await runProgram({ config: CONFIG });
  assertEquals(program.code, 1);
  assertStringIncludes(
    program.stderr,
    'routes["GET /:do"].gather.it.worker: must be the path of a file, relative to the config; got "./work.ts"',
  );
});

Deno.test("--check shows what a worker's part runs", async () => {
  await using program = await runProgram({
    config: CONFIG,
    files: { "work.ts": WORK },
    flags: ["--check"],
  });
  assertEquals(program.code, 0);
  assertMatch(program.stdout, /bulkhead \d+ → timeout 60s → buffer 4MiB → worker \.\/work\.ts/);
});
