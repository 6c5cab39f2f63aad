import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { readOptions } from "../../../lib/process/flags.ts";
import { StartError } from "../../../lib/core/start_error.ts";

function read(args: string[], env: Readonly<Record<string, string>> = {}) {
  return readOptions(args, (name) => env[name]);
}

Deno.test("without a word, the defaults hold", () => {
  assertEquals(read([]), {
    config: undefined,
    help: false,
    version: false,
    watchConfig: false,
    port: 8000,
    host: "127.0.0.1",
    reusePort: false,
    store: undefined,
    check: false,
    graceMs: 4_000,
    openapi: false,
    logLevel: "info",
    logFormat: undefined,
  });
});

const ENV = {
  GATEWAY_CONFIG: "env.ts",
  PORT: "9000",
  HOST: "::1",
  GATEWAY_STORE: ":memory:",
  GATEWAY_GRACE: "30s",
  GATEWAY_LOG_LEVEL: "warn",
  GATEWAY_LOG_FORMAT: "json",
};

Deno.test("the environment stands before the defaults", () => {
  assertEquals(read([], ENV), {
    config: "env.ts",
    help: false,
    version: false,
    watchConfig: false,
    port: 9000,
    host: "::1",
    reusePort: false,
    store: ":memory:",
    check: false,
    graceMs: 30_000,
    openapi: false,
    logLevel: "warn",
    logFormat: "json",
  });
});

Deno.test("flags stand before the environment", () => {
  const args = [
    "--config",
    "flag.json",
    "--watch-config",
    "--port=0",
    "--host",
    "0.0.0.0",
    "--reuse-port",
    "--check",
    "--log-level=off",
    "--log-format=text",
  ];
  assertEquals(read(args, ENV), {
    config: "flag.json",
    help: false,
    version: false,
    watchConfig: true,
    port: 0,
    host: "0.0.0.0",
    reusePort: true,
    store: ":memory:",
    check: true,
    graceMs: 30_000,
    openapi: false,
    logLevel: "off",
    logFormat: "text",
  });
});

for (const [text, port] of [["0", 0], ["1", 1], ["65535", 65535]] as const) {
  Deno.test(`port ${text} is one`, () => assertEquals(read(["--port", text]).port, port));
}

for (const text of ["65536", "-1", "80.5", "1e3", "0x50", " 80", "http", ""]) {
  Deno.test(`port "${text}" is none`, () => {
    const rule = `port: must be a whole number from 0 to 65535; got "${text}"`;
    assertEquals(assertThrows(() => read([`--port=${text}`]), StartError).message, rule);
    assertEquals(assertThrows(() => read([], { PORT: text }), StartError).message, rule);
  });
}

for (
  const args of [["--prot", "1"], ["--port"], ["gateway.config.ts"], ["--check=yes"], ["-p", "1"]]
) {
  Deno.test(`${args.join(" ")} is refused`, () => {
    const { message } = assertThrows(() => read(args), StartError);
    assertStringIncludes(message, "; --help lists all flags");
  });
}

for (const grace of ["soon", "4", "0s", "-1s", "1e3s"]) {
  Deno.test(`GATEWAY_GRACE=${grace} is refused with the rule`, () => {
    const { message } = assertThrows(() => read([], { GATEWAY_GRACE: grace }), StartError);
    assertEquals(message, `GATEWAY_GRACE: must be a duration such as 4s or 30s; got "${grace}"`);
  });
}
Deno.test("a level or a format that does not exist is one clear error", () => {
  for (
    const [args, message] of [
      [
        ["--log-level", "verbose"],
        'log level: must be one of debug, info, warn, error, off; got "verbose"',
      ],
      [["--log-format", "xml"], 'log format: must be one of json, text; got "xml"'],
    ] as const
  ) {
    assertThrows(() => read([...args]), StartError, message);
  }
});
