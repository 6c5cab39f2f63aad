import { assertEquals } from "@std/assert";
import { retryAfterSeconds } from "../../../lib/http/retry_after.ts";
import { ManualClock } from "../../support/manual_clock.ts";

/** RFC 9110 section 5.6.7's own example. */
const MOMENT = Date.UTC(1994, 10, 6, 8, 49, 37);

function secondsOf(value: string | undefined, wall = MOMENT): number | undefined {
  const headers = new Headers(value === undefined ? {} : { "retry-after": value });
  return retryAfterSeconds(headers, new ManualClock(wall));
}

Deno.test("a response without Retry-After has no delay", () => {
  assertEquals(secondsOf(undefined), undefined);
});

Deno.test("seconds are taken as they are", () => {
  const values = ["0", "1", "120", "007", " 5 ", "999999999"];
  assertEquals(values.map((value) => secondsOf(value)), [0, 1, 120, 7, 5, 999_999_999]);
});

Deno.test("a date is as far off as the wall clock says, in whole seconds that are enough", () => {
  const date = "Sun, 06 Nov 1994 08:49:37 GMT";
  assertEquals(secondsOf(date, MOMENT - 10_000), 10);
  assertEquals(secondsOf(date, MOMENT - 9_001), 10);
  assertEquals(secondsOf(date, MOMENT - 1), 1);
  assertEquals(secondsOf(date, MOMENT), 0);
});

Deno.test("a date that is over is no wait", () => {
  assertEquals(secondsOf("Sun, 06 Nov 1994 08:49:37 GMT", MOMENT + 60_000), 0);
});

Deno.test("all three forms of a date are understood", () => {
  const forms = [
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
  ];
  assertEquals(forms.map((form) => secondsOf(form, MOMENT - 3_000)), [3, 3, 3]);
});

Deno.test("a date without a zone is in GMT, wherever the gateway stands", async () => {
  const program = `
    import { retryAfterSeconds } from "${new URL(
    "../../../lib/http/retry_after.ts",
    import.meta.url,
  )}";
    const headers = new Headers({ "retry-after": "Sun Nov  6 08:49:37 1994" });
    const clock = { wall: () => ${MOMENT - 3_000} };
    Deno.stdout.writeSync(new TextEncoder().encode(String(retryAfterSeconds(headers, clock))));
  `;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", program],
    env: { TZ: "America/New_York" },
    cwd: new URL("../../..", import.meta.url),
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "3");
});

Deno.test("what cannot be understood says nothing", () => {
  const values = [
    "",
    "soon",
    "9999999999",
    "-1",
    "+1",
    "1.5",
    "1e3",
    "0x10",
    "10s",
    "1, 2",
    "1994-11-06",
    "Sun",
  ];
  assertEquals(values.map((value) => secondsOf(value)), values.map(() => undefined));
});
