import { assertEquals, assertMatch } from "@std/assert";
import { runProgram, startProgram, until } from "../support/program.ts";

/**
 * A config whose upstreams `a` and `b` write down what happens to them; a call of `/a/slow` waits
 * until there is a file `go`.
 */
function configOf(openAt: "use" | "start", open = "tell('open ' + name)"): string {
  return `
    import { defineGateway, json } from "sluice";
    const tell = (what: string) => Deno.writeTextFileSync("events.txt", what + "\\n", { append: true });
    const upstream = (name: string) => ({
      open: async () => { ${open}; return { name }; },
      openAt: "${openAt}" as const,
      timeout: "30s" as const,
      source: async ({ path }: { path: string }, _ctx: unknown, it: { name: string }) => {
        if (path === "/slow") {
          tell("asked " + it.name);
          while (!await Deno.stat("go").catch(() => false)) await new Promise((r) => setTimeout(r, 5));
          tell("answered " + it.name);
        }
        return json(it.name);
      },
      close: (it: { name: string }) => tell("close " + it.name),
    });
    export default defineGateway({
      store: ":memory:",
      upstreams: { a: upstream("a"), b: upstream("b"), unused: upstream("unused") },
      routes: {
        "GET /a/:path": { deadline: "30s", gather: { a: { from: "a", path: "/{path}" } } },
        "GET /b/:path": { deadline: "30s", gather: { b: { from: "b", path: "/{path}" } } },
      },
    });
  `;
}

async function eventsOf(program: { readonly folder: { file(name: string): string } }) {
  return (await Deno.readTextFile(program.folder.file("events.txt"))).trimEnd().split("\n");
}

Deno.test("SIGTERM: what was opened is closed after the last call, the last opened first", async () => {
  await using program = await startProgram({ config: configOf("use") });
  await (await fetch(`${program.url}/b/quick`)).body?.cancel();
  const answer = fetch(`${program.url}/a/slow`).then((response) => response.json());
  await until(async () => await program.folder.has("events.txt"), "something is opened");
  await until(async () => (await eventsOf(program)).includes("asked a"), "a call is under way");

  program.signal("SIGTERM");
  await program.folder.write("go", "");
  assertEquals(await answer, { data: { a: "a" }, complete: true });
  assertEquals(await program.ended(), 0);
  assertEquals(await eventsOf(program), [
    "open b",
    "open a",
    "asked a",
    "answered a",
    "close a",
    "close b",
  ]);
  assertEquals(program.stderr, "");
});

Deno.test("what is to be open at the start is, before the gateway listens", async () => {
  await using program = await startProgram({ config: configOf("start") });
  assertEquals(await eventsOf(program), ["open a", "open b"]);
  program.signal("SIGTERM");
  assertEquals(await program.ended(), 0);
  assertEquals(await eventsOf(program), ["open a", "open b", "close b", "close a"]);
});

Deno.test("what cannot be opened at the start keeps the gateway from listening; the rest is closed", async () => {
  const open = "if (name === 'b') throw new Error('no such database'); tell('open ' + name)";
  await using program = await runProgram({ config: configOf("start", open) });
  assertEquals(program.code, 1);
  assertEquals(program.stdout, "");
  assertEquals(program.stderr, "upstreams.b cannot be opened: no such database\n");
  assertEquals(await eventsOf(program), ["open a", "close a"]);
});

Deno.test("what was opened is closed when the gateway cannot listen", async () => {
  await using first = await startProgram({ config: configOf("use") });
  await using second = await runProgram({
    config: configOf("start"),
    env: { PORT: String(first.port) },
  });
  assertEquals(second.code, 1);
  assertMatch(second.stderr, /^cannot listen on /);
  assertEquals(await eventsOf(second), ["open a", "open b", "close b", "close a"]);
});

Deno.test("SIGTERM: an opening that never ends does not hold the stop beyond the stop's bound", async () => {
  const open = "tell('open ' + name); await new Promise(() => setInterval(() => {}, 1000))";
  await using program = await startProgram({ config: configOf("use", open) });
  const asked = fetch(`${program.url}/a/quick`);
  await until(async () => await program.folder.has("events.txt"), "something is opened");
  program.signal("SIGTERM");
  assertEquals(await program.ended(), 0);
  const { status, body } = await asked;
  await body?.cancel();
  assertEquals(status, 504);
  assertEquals(program.told, ["stopped before all work had finished"]);
  assertEquals(await eventsOf(program), ["open a"]);
});

Deno.test("--check opens nothing", async () => {
  await using program = await runProgram({ config: configOf("start"), flags: ["--check"] });
  assertEquals(program.code, 0);
  assertEquals(await program.folder.has("events.txt"), false);
});
