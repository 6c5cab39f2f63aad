import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { jsonLine, readableLine } from "../../middleware/access_line.ts";
import type { AccessEntry } from "../../middleware/access_log.ts";

const ENTRY: AccessEntry = {
  time: "2026-01-01T14:03:07.123Z",
  id: "req-1",
  method: "GET",
  path: "/country/IS",
  route: "GET /country/:code",
  status: 200,
  durationMs: 12.3,
  client: "0123456789ab",
};

Deno.test("a line for machines is the entry as JSON", () => {
  assertEquals(JSON.parse(jsonLine(ENTRY)), ENTRY);
});

Deno.test("a line for people has the time, the status, the request and how long it took", () => {
  const line = readableLine(ENTRY);
  assertMatch(line, /^14:03:07 \S*200\S* GET \/country\/IS 12\.3ms$/);
});

Deno.test("a line for people names what failed", () => {
  const line = readableLine({
    ...ENTRY,
    status: 504,
    problem: "upstream-timeout",
    parts: [
      { part: "country", durationMs: 3 },
      { part: "holidays", durationMs: 11.2, problem: "upstream-timeout" },
    ],
  });
  assertStringIncludes(line, "upstream-timeout  country 3ms · holidays 11.2ms upstream-timeout");
});

for (const [status, code] of [[200, 32], [302, 36], [404, 33], [500, 31]] as const) {
  Deno.test(`${status} has the colour ${code}`, () => {
    assertStringIncludes(readableLine({ ...ENTRY, status }), `\x1b[${code}m${status}\x1b[0m`);
  });
}

for (
  const hostile of [
    "\n",
    "\r",
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\x00",
    "\x7f",
    "\u2028",
    "\u202e",
  ]
) {
  const code = hostile.charCodeAt(0).toString(16);
  const name = `U+${code.padStart(4, "0").toUpperCase()} and ${hostile.length - 1} more`;
  const entry = { ...ENTRY, path: `/x${hostile}14:03:07 200 GET /forged` };

  Deno.test(`a path with ${name} writes no line of its own and moves no terminal`, () => {
    const line = readableLine(entry).replace("\x1b[32m200\x1b[0m", "200");
    assertMatch(line, /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u);
  });

  Deno.test(`a path with ${name} stays one line for machines`, () => {
    const line = jsonLine(entry);
    assertEquals(JSON.parse(line), entry);
    // deno-lint-ignore no-control-regex
    assertMatch(line, /^[^\x00-\x1f]*$/);
  });
}
