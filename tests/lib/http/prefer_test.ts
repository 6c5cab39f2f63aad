import { assert, assertEquals } from "@std/assert";
import { readPreferences } from "../../../lib/http/prefer.ts";
import { property } from "../../support/random.ts";

const read = (prefer: string) => readPreferences(new Headers({ prefer }));

const STRICT = { handling: "strict" } as const;
const LENIENT = { handling: "lenient" } as const;

for (
  const [prefer, preferences] of [
    ["handling=strict", STRICT],
    ["handling=lenient", LENIENT],
    ["Handling=STRICT", STRICT],
    ["handling = strict", STRICT],
    ['handling="strict"', STRICT],
    ["handling=strict; x=1", STRICT],
    ["handling=strict;x", STRICT],
    ["  handling=strict  ", STRICT],
    ["respond-async, handling=strict", STRICT],
    ["a,,handling=strict,", STRICT],
    ["handling=strict, handling=lenient", STRICT],
    ["handling=lenient, handling=strict", LENIENT],
    ["handling=other, handling=strict", {}],
    ["handling", {}],
    ["handling=", {}],
    ["handling=strictly", {}],
    ["handling=strict lenient", {}],
    ['note="a, handling=strict"', {}],
    ['note="a, handling=strict, b"', {}],
    ['note="a; x", handling=strict', STRICT],
    ['note="a\\", handling=strict"', {}],
    ['note="a\\\\", handling=strict', STRICT],
    ['note=x;y="a, handling=strict"', {}],
    ['handling="st\\rict"', STRICT],
    ['handling="strict', {}],
    ['handling=strict"', {}],
    ['handling="strict"x', {}],
    ['handling=st"rict"', {}],
    ["xhandling=strict", {}],
    ["foo; handling=strict", {}],
    ["wait=10", { waitMs: 10_000 }],
    ["WAIT=10", { waitMs: 10_000 }],
    ['wait="10"', { waitMs: 10_000 }],
    ["wait=0", { waitMs: 0 }],
    ["wait=007", { waitMs: 7000 }],
    ["wait=999999999", { waitMs: 999_999_999_000 }],
    ["wait=1000000000", {}],
    ["wait=-1", {}],
    ["wait=1.5", {}],
    ["wait=1e3", {}],
    ["wait=10s", {}],
    ["wait=", {}],
    ["wait", {}],
    ["wait=5, wait=9", { waitMs: 5000 }],
    ["wait=x, wait=9", {}],
    ["wait=5;x=y, handling=lenient", { waitMs: 5000, ...LENIENT }],
    ["", {}],
    [",", {}],
    ["=", {}],
    ["constructor=1, __proto__=2", {}],
  ] as const
) {
  Deno.test(`Prefer: ${prefer} prefers ${JSON.stringify(preferences)}`, () => {
    assertEquals(read(prefer), preferences);
  });
}

Deno.test("who says nothing prefers nothing, and several headers are one", () => {
  assertEquals(readPreferences(new Headers()), {});
  const headers = new Headers({ prefer: "wait=1" });
  headers.append("Prefer", "handling=strict");
  assertEquals(readPreferences(headers), { waitMs: 1000, handling: "strict" });
});

for (
  const [what, text] of [["spaces", " "], ["tabs", "\t"], ["commas", ","], ["a", "a"]] as const
) {
  Deno.test(`a long preference takes no long time: ${what}`, () => {
    // What is quadratic would take hours.
    const many = text.repeat(500_000);
    for (
      const prefer of [
        `a${many}"`,
        `a=${many}" "`,
        `a=${many}"""x`,
        `${many}"`,
        `a;${many}"`,
        `a="${many}\\"`,
      ]
    ) {
      assertEquals(read(prefer), {});
    }
  });
}

property("no header makes reading it fail, or prefer what it does not name", 500, (random) => {
  const pieces = [...'=;," \t', "handling", "wait", "strict", "lenient", "5", "x", "é"];
  const prefer = random.text(pieces, 12);
  const { handling, waitMs } = read(prefer);
  if (handling !== undefined) assert(prefer.includes("handling") && prefer.includes(handling));
  if (waitMs !== undefined) assert(/wait.*5/.test(prefer) && waitMs % 1000 === 0);
});
