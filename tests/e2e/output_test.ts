import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { type Program, spawnProgram, until, within } from "../support/program.ts";
import { refusingUrl } from "../support/upstream.ts";

/** What an answer may take, whatever becomes of the output (ms). */
const ANSWER_MS = 2_000;
/** What a stop may take that only the output holds up (ms). */
const STOP_MS = 3_000;
/** A request's line in the log is longer than this: 64 of them fill a pipe. */
const PATH = "/" + "x".repeat(1_000);

/** A source that writes by itself, then fails, which standard error tells with a stack. */
const CONFIG = `
  import { defineGateway } from "sluice";
  export default defineGateway({
    store: ":memory:",
    upstreams: {
      broken: {
        source() {
          console.log("%s", "seen".repeat(500));
          return Promise.reject(new Error("broken".repeat(500)));
        },
      },
    },
    routes: { "GET /broken": { gather: { broken: { from: "broken" } } } },
  });
`;

interface Muted extends AsyncDisposable {
  readonly program: Program;
  readonly url: string;
}

/** The program, which cannot say where it listens. */
async function startMuted(shell: string): Promise<Muted> {
  const url = refusingUrl();
  const program = await spawnProgram({
    config: CONFIG,
    env: { PORT: new URL(url).port },
    shell,
  });
  const end = () => program[Symbol.asyncDispose]();
  try {
    await until(
      () => ask(`${url}/_gateway/health/live`).then(() => true, () => false),
      "it answers",
    );
  } catch (error) {
    await end();
    throw error;
  }
  return { program, url, [Symbol.asyncDispose]: end };
}

async function ask(url: string): Promise<number> {
  const { status, body } = await within(fetch(url), "an answer", ANSWER_MS);
  await body?.cancel();
  return status;
}

/** Requests whose lines are more than any pipe holds, or a file that is nearly full. */
async function askMany(url: string, count = 100): Promise<void> {
  for (let asked = 0; asked < count; asked++) assertEquals(await ask(url + PATH), 404);
}

for (
  const [what, shell] of [
    ["a pipe that nobody reads", `mkfifo pipe; exec "$0" "$@" 3<>pipe >pipe 2>&1`],
    ["a pipe whose reader is gone", `exec "$0" "$@" > >(exec true) 2>&1`],
    ["a full disk", `exec "$0" "$@" >/dev/full 2>&1`],
    [
      "a file at its size limit",
      `truncate -s 16760000 file; ulimit -f 16384; exec "$0" "$@" >>file 2>&1`,
    ],
  ] as const
) {
  Deno.test(`output to ${what} stops neither responses nor the shutdown`, async () => {
    await using muted = await startMuted(shell);
    const { program, url } = muted;
    await askMany(url);
    for (let asked = 0; asked < 50; asked++) assertEquals(await ask(`${url}/broken`), 500);
    assertEquals(await ask(`${url}/_gateway/health/ready`), 200);
    const begun = performance.now();
    program.signal("SIGTERM");
    assertEquals(await program.ended(), 0);
    assertLess(performance.now() - begun, STOP_MS);
  });
}

Deno.test("output: a reader that comes late finds whole lines, and how many were dropped", async () => {
  await using muted = await startMuted(`mkfifo pipe; exec "$0" "$@" 3<>pipe >pipe`);
  const { program, url } = muted;
  await askMany(url, 1_500);
  const reader = await new Deno.Command("cat", {
    args: ["pipe"],
    cwd: program.folder.path,
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let text = "";
  const reading = (async () => {
    for await (const chunk of reader.stdout.pipeThrough(new TextDecoderStream())) text += chunk;
  })();
  await until(() => text.includes('"dropped":'), "it says what was dropped");
  await askMany(url, 1);
  program.signal("SIGTERM");
  assertEquals(await program.ended(), 0);
  await Promise.all([reading, reader.status]);

  const [first, ...lines] = text.trimEnd().split("\n");
  assertEquals(first, `listening on ${url}`);
  const entries: Record<string, unknown>[] = lines.map((line) => JSON.parse(line));
  const notices = entries.filter(({ dropped }) => dropped !== undefined);
  assertEquals(notices.length, 1, JSON.stringify(notices));
  const logged = entries.filter(({ path }) => path === PATH).length;
  assertEquals(logged + Number(notices[0]?.dropped), 1_501);
  assertEquals(entries.at(-1)?.path, PATH, "what comes after it is written");
});

Deno.test("output: standard error says why standard output cannot be written, once", async () => {
  await using muted = await startMuted(`exec "$0" "$@" >/dev/full`);
  const { program, url } = muted;
  await askMany(url, 3);
  await until(() => program.stderr !== "", "it says so");
  program.signal("SIGTERM");
  assertEquals(await program.ended(), 0);
  assertEquals(program.told, [
    "standard output cannot be written: No space left on device (os error 28)",
  ]);
});

Deno.test("output: all of --check reaches a reader that is slow", async () => {
  const routes = Object.fromEntries(
    Array.from({ length: 2_000 }, (_, index) => [`GET /route${index}`, { forward: "it" }]),
  );
  await using program = await startProgramToItsEnd({
    store: ":memory:",
    upstreams: { it: { url: "http://127.0.0.1:9" } },
    routes,
  });
  assert(program.stdout.length > 128 * 1024, "more than a pipe holds");
  assertStringIncludes(program.stdout, "/route1999");
});

async function startProgramToItsEnd(config: unknown): Promise<Program> {
  const shell = `"$0" "$@" | (sleep 1; cat)`;
  const program = await spawnProgram({ config, flags: ["--check"], shell });
  await program.ended();
  return program;
}
