import { assertEquals, assertMatch } from "@std/assert";
import { GatewayError } from "../../../lib/core/errors.ts";
import type { LogLevel } from "../../../lib/log/level.ts";
import { Log } from "../../../lib/log/log.ts";
import type { LogEntry } from "../../../lib/log/log_entry.ts";
import { jsonLogLine, readableLogLine } from "../../../lib/log/log_line.ts";
import { ManualClock } from "../../support/manual_clock.ts";

function play(level: LogLevel = "debug") {
  const clock = new ManualClock(Date.UTC(2026, 0, 1, 14, 3, 7, 5));
  const entries: LogEntry[] = [];
  return { entries, log: new Log({ clock, level, write: (entry) => entries.push(entry) }) };
}

for (
  const [least, written] of [
    ["debug", ["debug", "info", "warn", "error"]],
    ["info", ["info", "warn", "error"]],
    ["warn", ["warn", "error"]],
    ["error", ["error"]],
    ["off", []],
  ] as const
) {
  Deno.test(`at the level ${least}, ${written.join(", ") || "nothing"} is written`, () => {
    const { log, entries } = play(least);
    for (const level of ["debug", "info", "warn", "error"] as const) log.write(level, "it");
    assertEquals(entries.map(({ level }) => level), [...written]);
  });
}

Deno.test("a defect is an error with the stacks of all causes, and no secret of a URL", () => {
  const { log, entries } = play();
  const cause = new TypeError("error sending request for url (https://me:secret@it/a?key=secret)");
  log.failure(new Error("no luck", { cause }), { id: "req-1", route: "GET /" });
  const [entry] = entries;
  const { stack = "", ...rest } = entry ?? {};
  assertEquals(rest, {
    time: "2026-01-01T14:03:07.005Z",
    level: "error",
    message: "Error: no luck",
    id: "req-1",
    route: "GET /",
  });
  assertMatch(stack, /^at .*log_test\.ts:\d+:\d+\n/);
  assertMatch(stack, /\ncaused by TypeError: .* \(https:\/\/it\/a\?…\nat .*log_test/);
  assertEquals(JSON.stringify(entry).includes("secret"), false);
});

Deno.test("a cause that is its own cause ends", () => {
  const { log, entries } = play();
  const error = new Error("round");
  error.cause = error;
  log.failure(error, "worker it");
  assertEquals(entries.length, 1);
});

Deno.test("what was expected, or is only told, is a warning without a stack", () => {
  const { log, entries } = play();
  log.failure(new GatewayError("upstream-timeout", "too late"), "background");
  log.failure("optional parts are left out", "overload");
  assertEquals(entries.map(({ time: _time, ...rest }) => rest), [
    { level: "warn", message: "background: too late", problem: "upstream-timeout" },
    { level: "warn", message: "overload: optional parts are left out" },
  ]);
});

Deno.test("what a function throws that is no Error is an error of its request", () => {
  const { log, entries } = play();
  log.failure("no luck", { id: "req-1" });
  assertEquals([entries[0]?.level, entries[0]?.message], ["error", "no luck"]);
});

const ENTRY: LogEntry = {
  time: "2026-01-01T14:03:07.123Z",
  level: "warn",
  message: "one\ntwo",
  id: "req-1",
  stack: "at a\nat b",
};

Deno.test("a line for people has what follows the first line indented", () => {
  const line = "14:03:07 WARN one  (request req-1)\n    two\n    at a\n    at b";
  assertEquals(readableLogLine(ENTRY, false), line);
  assertEquals(readableLogLine(ENTRY, true), line.replace("WARN", "\x1b[33mWARN\x1b[0m"));
});

for (
  const hostile of ["\r", "\x1b[2J", "\x9b31m", "\x00", "\u2028", "\u202e", "\ufeff", "\ud83d"]
) {
  const code = hostile.charCodeAt(0).toString(16);
  Deno.test(`U+${code} in a message stays in its line, and is not obeyed`, () => {
    const entry = { ...ENTRY, message: `a${hostile}b\n14:03:07 ERROR forged`, stack: hostile };
    assertMatch(
      readableLogLine(entry, false),
      /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*(?:\n {4}[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*)*$/u,
    );
    const line = jsonLogLine(entry);
    assertMatch(line, /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u);
    assertEquals(JSON.parse(line), entry);
  });
}
