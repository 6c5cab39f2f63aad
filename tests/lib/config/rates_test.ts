import { assertEquals } from "@std/assert";
import { parseRate } from "../../../lib/config/rates.ts";

Deno.test("a rate is a number per second, minute, hour or day", () => {
  const rates: [string, number, number][] = [
    ["5/s", 5, 1_000],
    ["100/min", 100, 60_000],
    ["1000/h", 1_000, 3_600_000],
    ["1/d", 1, 86_400_000],
    ["1000000/s", 1_000_000, 1_000],
    ["60000000/min", 60_000_000, 60_000],
    ["86400000000/d", 86_400_000_000, 86_400_000],
  ];
  for (const [text, tokens, periodMs] of rates) {
    assertEquals(parseRate(text), { tokens, periodMs }, text);
  }
});

Deno.test("anything else is no rate", () => {
  const none: unknown[] = [
    "",
    "5",
    "/s",
    "0/s",
    "-1/s",
    "+1/s",
    "1.5/s",
    "1e3/s",
    "5 /s",
    "5/ s",
    " 5/s",
    "5/s ",
    "5/s\n",
    "5/S",
    "5/m",
    "5/sec",
    "5/ms",
    "5/hour",
    "5/toString",
    "5/s/s",
    "5 per s",
    "٥/s",
    "1000001/s",
    "60000001/min",
    `${"9".repeat(400)}/d`,
    5,
    null,
    undefined,
    ["5/s"],
    { rate: "5/s" },
  ];
  for (const value of none) assertEquals(parseRate(value), undefined, Deno.inspect(value));
});
