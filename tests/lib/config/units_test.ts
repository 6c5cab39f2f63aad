import { assertEquals } from "@std/assert";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../../lib/config/units.ts";
import { property } from "../../support/random.ts";

const DURATIONS: readonly (readonly [string, number])[] = [
  ["1ms", 1],
  ["250ms", 250],
  ["2s", 2000],
  ["5m", 300_000],
  ["1h", 3_600_000],
  ["0.5s", 500],
  ["1.25m", 75_000],
  ["007ms", 7],
  ["1000h", 3_600_000_000],
];

for (const [text, ms] of DURATIONS) {
  Deno.test(`${text} is ${ms} ms`, () => assertEquals(parseDuration(text), ms));
}

const SIZES: readonly (readonly [string, number])[] = [
  ["1B", 1],
  ["512B", 512],
  ["64KiB", 65_536],
  ["4MiB", 4_194_304],
  ["1GiB", 1_073_741_824],
  ["0.5KiB", 512],
];

for (const [text, bytes] of SIZES) {
  Deno.test(`${text} is ${bytes} bytes`, () => assertEquals(parseSize(text), bytes));
}

const NO_DURATIONS = [
  "",
  "0s",
  "0.5ms",
  "0.0001s",
  "-1s",
  "+1s",
  "1",
  "1 s",
  " 1s",
  "1s ",
  "1s\n",
  "1S",
  "1sec",
  "1d",
  "1.s",
  ".5s",
  "1e3s",
  "1,5s",
  "1s2s",
  "s",
  "9999999999999h",
  1000,
  null,
  undefined,
  ["1s"],
];

for (const text of NO_DURATIONS) {
  Deno.test(`${JSON.stringify(text)} is no duration`, () => {
    assertEquals(parseDuration(text), undefined);
  });
}

for (
  const text of ["", "0B", "0.5B", "-1B", "1", "1KB", "1kib", "1 MiB", "1TiB", "1MiB\n", 64, null]
) {
  Deno.test(`${JSON.stringify(text)} is no size`, () => assertEquals(parseSize(text), undefined));
}

property("a whole number of milliseconds may be written with any unit", 2000, (random) => {
  const [unit, ms, places] = random.pick(
    [["s", 1000, 3], ["m", 60_000, 1], ["h", 3_600_000, 2]] as const,
  );
  // Written as a decimal, as a person would: 1.1h, not a sum of floats.
  const digits = String(random.int(1, 100_000)).padStart(places + 1, "0");
  const text = `${digits.slice(0, -places)}.${digits.slice(-places)}${unit}`;
  assertEquals(parseDuration(text), Number(digits) * (ms / 10 ** places), text);
});

const WRITTEN: readonly (readonly [number, string])[] = [
  [1, "1ms"],
  [999, "999ms"],
  [1000, "1s"],
  [1001, "1001ms"],
  [1500, "1500ms"],
  [90_000, "90s"],
];

for (const [ms, text] of WRITTEN) {
  Deno.test(`${ms} ms is written ${text}`, () => assertEquals(formatDuration(ms), text));
}

const WRITTEN_SIZES: readonly (readonly [number, string])[] = [
  [1, "1B"],
  [1023, "1023B"],
  [1024, "1KiB"],
  [1536, "1536B"],
  [1024 * 1024, "1MiB"],
  [1536 * 1024, "1536KiB"],
  [3 * 2 ** 30, "3GiB"],
];

for (const [bytes, text] of WRITTEN_SIZES) {
  Deno.test(`${bytes} bytes are written ${text}`, () => assertEquals(formatSize(bytes), text));
}

property("what is written can be read again", 500, (random) => {
  const value = random.int(1, 1_000_000) * random.pick([1, 1000, 1024, 1024 * 1024]);
  assertEquals(parseDuration(formatDuration(value)), value);
  assertEquals(parseSize(formatSize(value)), value);
});
