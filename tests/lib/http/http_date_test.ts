import { assert, assertEquals } from "@std/assert";
import { parseHttpDate } from "../../../lib/http/http_date.ts";
import { property } from "../../support/random.ts";

const NOW = Date.UTC(2026, 0, 1);

const DATES: readonly (readonly [string, number])[] = [
  ["Sun, 06 Nov 1994 08:49:37 GMT", Date.UTC(1994, 10, 6, 8, 49, 37)],
  ["Sunday, 06-Nov-94 08:49:37 GMT", Date.UTC(1994, 10, 6, 8, 49, 37)],
  ["Sun Nov  6 08:49:37 1994", Date.UTC(1994, 10, 6, 8, 49, 37)],
  ["Sun Nov 16 08:49:37 1994", Date.UTC(1994, 10, 16, 8, 49, 37)],
  ["  Sun, 06 Nov 1994 08:49:37 GMT  ", Date.UTC(1994, 10, 6, 8, 49, 37)],
  ["sun, 06 nov 1994 08:49:37 gmt", Date.UTC(1994, 10, 6, 8, 49, 37)],
  ["Mon, 06 Nov 1994 08:49:37 GMT", Date.UTC(1994, 10, 6, 8, 49, 37)], // a wrong weekday
  ["Thu, 29 Feb 2024 00:00:00 GMT", Date.UTC(2024, 1, 29)],
  ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ["Fri, 31 Dec 9999 23:59:59 GMT", Date.UTC(9999, 11, 31, 23, 59, 59)],
  ["Thursday, 01-Jan-76 00:00:00 GMT", Date.UTC(2076, 0, 1)], // fifty years ahead
  ["Friday, 01-Jan-77 00:00:00 GMT", Date.UTC(1977, 0, 1)],
];

for (const [text, expected] of DATES) {
  Deno.test(`the date ${text} is read`, () => {
    assertEquals(parseHttpDate(text, NOW), expected);
  });
}

const NO_DATES: readonly (string | null)[] = [
  null,
  "",
  "0",
  "-1",
  "now",
  "1994-11-06T08:49:37Z",
  "Sun, 06 Nov 1994 08:49:37",
  "Sun, 06 Nov 1994 08:49:37 UTC",
  "Sun, 06 Nov 1994 08:49:37 CET",
  "Sun, 06 Nov 1994 08:49:37 +0000",
  "Sun, 6 Nov 1994 08:49:37 GMT",
  "Sun, 06 Nov 94 08:49:37 GMT",
  "Sun, 06 Nov 1994 8:49:37 GMT",
  "Sun, 06 Nov 1994 08:49 GMT",
  "Sun 06 Nov 1994 08:49:37 GMT",
  "Sun,  06 Nov 1994 08:49:37 GMT",
  "Sun, 06  Nov 1994 08:49:37 GMT",
  "06 Nov 1994 08:49:37 GMT",
  "Sun, 06-Nov-1994 08:49:37 GMT",
  "Sun, 06-Nov-94 08:49:37 GMT",
  "Sun, 32 Nov 1994 08:49:37 GMT",
  "Sun, 00 Nov 1994 08:49:37 GMT",
  "Wed, 30 Feb 1994 08:49:37 GMT",
  "Wed, 31 Apr 1994 08:49:37 GMT",
  "Thu, 29 Feb 2023 00:00:00 GMT",
  "Sun, 06 Nov 1994 24:00:00 GMT",
  "Sun, 06 Nov 1994 24:00:01 GMT",
  "Sun, 06 Nov 1994 08:60:00 GMT",
  "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
  "Sun, 06 Nov 1994 08:49:37 GMT\nx",
  "Sun, 06 Foo 1994 08:49:37 GMT",
];

for (const text of NO_DATES) {
  Deno.test(`${JSON.stringify(text)} is no date`, () => {
    assertEquals(parseHttpDate(text, NOW), undefined);
  });
}

Deno.test("a leap second is the second after it, or no date", () => {
  const moment = parseHttpDate("Sat, 31 Dec 2016 23:59:60 GMT", NOW);
  assert(moment === undefined || moment === Date.UTC(2017, 0, 1));
});

property("every moment is read again from all three forms", 300, (random) => {
  const moment = Date.UTC(1980, 0, 1) + random.int(0, 90 * 365 * 86_400) * 1000;
  const date = new Date(moment);
  const fixed = date.toUTCString();
  const [weekday = "", day = "", month = "", year = "", time = ""] = fixed.split(/,? /);
  const long = date.toLocaleDateString("en", { weekday: "long", timeZone: "UTC" });
  const obsolete = `${long}, ${day}-${month}-${year.slice(2)} ${time} GMT`;
  const asctime = `${weekday} ${month} ${String(Number(day)).padStart(2, " ")} ${time} ${year}`;
  assertEquals([fixed, obsolete, asctime].map((text) => parseHttpDate(text, NOW)), [
    moment,
    moment,
    moment,
  ]);
});

Deno.test("a text of a million characters is read, and is no date", () => {
  // What is quadratic would take hours.
  for (const piece of [" ", "Sun, ", "0", "Sun, 06 Nov 1994 08:49:37 GMT"]) {
    assertEquals(parseHttpDate(piece.repeat(1_000_000 / piece.length), NOW), undefined);
  }
});
