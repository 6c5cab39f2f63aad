import { assert, assertEquals, assertFalse, assertMatch, assertNotEquals } from "@std/assert";
import { isRecord } from "../../lib/core/is_record.ts";
import { type Program, startProgram, TestFolder, until } from "../support/program.ts";
import { refusingUrl, startUpstream } from "../support/upstream.ts";

const CONFIG = `
  import { defineGateway } from "sluice";
  export default defineGateway({
    store: ":memory:",
    upstreams: {
      gone: { url: "${refusingUrl()}", retry: { attempts: 2, backoff: "1ms" } },
      broken: {
        source() {
          console.log("a\\n{\\"forged\\":true}\\u202e\\u009b31m");
          console.debug("of no interest");
          throw new TypeError("no luck with https://me:secret@db/?key=secret\\nforged");
        },
      },
    },
    routes: {
      "GET /gone": { gather: { it: { from: "gone" } } },
      "GET /broken": { gather: { it: { from: "broken" } } },
    },
  });
`;

async function get(program: Program, path: string, headers: HeadersInit = {}): Promise<Response> {
  const response = await fetch(program.url + path, { headers });
  await response.body?.cancel();
  return response;
}

function linesOf(program: Program): Record<string, unknown>[] {
  return program.log.map((line) => JSON.parse(line));
}

for (
  const [level, log, errors] of [
    ["debug", ["info", "info", "debug", "warn", "warn"], ["error", "error", "debug"]],
    ["info", ["info", "info", "warn", "warn"], ["error", "error"]],
    ["warn", ["warn", "warn"], ["error", "error"]],
    ["error", [], ["error", "error"]],
    ["off", [], []],
  ] as const
) {
  Deno.test(`--log-level ${level}: what is less important is not written`, async () => {
    await using program = await startProgram({ config: CONFIG, flags: ["--log-level", level] });
    for (const path of ["/nowhere", "/broken", "/gone"]) await get(program, path);
    program.signal("SIGTERM");
    assertEquals(await program.ended(), 0);
    assertEquals(linesOf(program).map(({ level }) => level), [...log]);
    assertEquals(program.errors.map(({ level }) => level), [...errors]);
  });
}

Deno.test("at the level debug, each failed attempt has its line", async () => {
  await using program = await startProgram({ config: CONFIG, flags: ["--log-level=debug"] });
  await get(program, "/gone", { "x-request-id": "req-1" });
  await until(() => program.errors.length >= 2, "both attempts are logged");
  const attempts = program.errors.map(({ id, attempt, level }) => [id, attempt, level]);
  assertEquals(attempts, [["req-1", 1, "error"], ["req-1", 2, "debug"]]);
});

Deno.test("a defect of a function is one line with its request and stack, and no secret of a URL", async () => {
  await using program = await startProgram({ config: CONFIG });
  await get(program, "/broken", { "x-request-id": "req-1" });
  await until(() => program.errors.length > 0 && program.log.length > 1, "it is logged");
  const [{ time: _time, stack, ...entry } = {}, ...more] = program.errors;
  assertEquals(more, []);
  assertEquals(entry, {
    level: "error",
    message: "TypeError: no luck with https://db/?…\nforged",
    id: "req-1",
    route: "GET /broken",
  });
  assertMatch(String(stack), /^at .*test\.config\.ts:\d+:\d+/);
  // What a function writes is a line of the log, too.
  const [said] = linesOf(program);
  assertEquals([said?.level, said?.message], ["info", 'a\n{"forged":true}\u202e\x9b31m']);
  assertMatch(program.output, /^[^\x9b\u202e]*$/);
  assertFalse(program.output.includes("secret"), program.output);
});

Deno.test("--log-format text: lines for people, without colours in a file", async () => {
  await using program = await startProgram({ config: CONFIG, flags: ["--log-format", "text"] });
  await get(program, "/gone", { "x-request-id": "req-1" });
  await until(() => program.log.length > 0 && program.stderr !== "", "it is logged");
  assertMatch(
    program.stderr,
    /^\d\d:\d\d:\d\d ERROR upstream gone: refused \(1 call\): .*; target http:\S+ {2}\(request req-1\)\n$/,
  );
  assertMatch(
    program.log.join("\n"),
    /^\d\d:\d\d:\d\d 502 GET \/gone [\d.]+ms {2}upstream-unreachable {2}it [\d.]+ms upstream-unreachable \(refused\)$/,
  );
});

Deno.test("a client has its name, or a hash that restarts and processes agree on until it is rotated", async () => {
  await using folder = await TestFolder.make();
  const key = "at-least-16-characters";
  const env = { MOBILE_KEY: key };
  const config = {
    store: folder.file("gateway.kv"),
    clients: { key: "header:x-api-key", known: { mobile: { env: "MOBILE_KEY" } } },
    upstreams: { gone: { url: refusingUrl() } },
    routes: { "GET /gone": { gather: { it: { from: "gone" } } } },
  };
  const clientOf = async (program: Program, headers: HeadersInit = {}) => {
    const before = program.log.length;
    await get(program, "/gone", headers);
    await until(() => program.log.length > before, "the request is logged");
    return String(linesOf(program).at(-1)?.client);
  };
  let hash: string;
  {
    await using first = await startProgram({ config, env });
    hash = await clientOf(first);
    assertMatch(hash, /^[\da-f]{12}$/);
    assertEquals(await clientOf(first, { "x-api-key": key }), "mobile");
  }
  await using one = await startProgram({ config, env });
  await using other = await startProgram({ config, env });
  assertEquals([await clientOf(one), await clientOf(other)], [hash, hash]);
  const rotated = await fetch(`${one.url}/_gateway/log-key`, {
    method: "DELETE",
    headers: { "x-gateway-operator": "1" },
  });
  assertEquals([rotated.status, await rotated.json()], [200, { rotated: true }]);
  const next = await clientOf(one);
  assertNotEquals(next, hash);
  await until(async () => await clientOf(other) === next, "the other process follows");
  for (const secret of [key, '"127.0.0.1"']) {
    // An audit line says from where the operator came.
    const lines = `${one.output}\n${other.output}`.split("\n")
      .filter((line) => !line.includes('"audit: '));
    assertFalse(lines.join("\n").includes(secret), secret);
  }
});

/** The logs that an OTLP request has, by their severity. */
function exportedOf(value: unknown): [severity: unknown, body: unknown][] {
  if (Array.isArray(value)) return value.flatMap(exportedOf);
  if (!isRecord(value)) return [];
  const { severityText, body } = value;
  if (isRecord(body)) return [[severityText, body.stringValue]];
  return Object.values(value).flatMap(exportedOf);
}

for (const mode of ["capture", "replace"] as const) {
  Deno.test(`OTEL_DENO_CONSOLE=${mode}: OpenTelemetry gets the log`, async () => {
    const exported: [severity: unknown, body: unknown][] = [];
    await using collector = startUpstream(async (request) => {
      if (request.url.endsWith("/v1/logs")) exported.push(...exportedOf(await request.json()));
      else await request.body?.cancel();
      return Response.json({});
    });
    await using program = await startProgram({
      config: CONFIG,
      env: {
        OTEL_DENO: "true",
        OTEL_DENO_CONSOLE: mode,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_TRACES_EXPORTER: "none",
        OTEL_METRICS_EXPORTER: "none",
        OTEL_BLRP_SCHEDULE_DELAY: "100",
      },
    });
    await get(program, "/gone", { "x-request-id": "req-1" });
    const find = (text: string) => exported.find(([, body]) => String(body).includes(text));
    await until(() => find('"message":"request"') !== undefined, "the request is exported");
    await until(() => find("refused (1 call)") !== undefined, "the failure is exported");
    assertEquals(find('"message":"request"')?.[0], "WARN");
    assertEquals(find("refused (1 call)")?.[0], "ERROR");
    // Both are written as well, each once.
    await until(() => program.output.includes("refused (1 call)"), "it is written");
    assertEquals(program.output.match(/refused \(1 call\)/g)?.length, 1);
    assert(JSON.parse(String(find('"message":"request"')?.[1])).id === "req-1");
  });
}
