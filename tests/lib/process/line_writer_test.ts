import { assertEquals } from "@std/assert";
import { LineWriter } from "../../../lib/process/line_writer.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";

type Write = (bytes: Uint8Array) => Promise<number>;

/** A writer with room for 30 characters, whose output the test may replace. */
function open() {
  const clock = new ManualClock();
  const failures: unknown[] = [];
  const state = { written: "", write: undefined as Write | undefined };
  const take: Write = (bytes) => {
    state.written += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  };
  const writer = new LineWriter({
    write: (bytes) => (state.write ?? take)(bytes),
    maxWaiting: 30,
    clock,
    dropNotice: (lines) => `(${lines} dropped)`,
    onFailure: (error) => failures.push(error),
  });
  return { clock, failures, state, take, writer };
}

Deno.test("lines wait 20 ms for others, and are written in one go", async () => {
  const { clock, state, take, writer } = open();
  let writes = 0;
  state.write = (bytes) => (writes++, take(bytes));
  writer.line("one");
  await clock.advance(10);
  writer.line("zwei é");
  await clock.advance(9);
  assertEquals(state.written, "");
  await clock.advance(1);
  assertEquals([state.written, writes, clock.sleeping], ["one\nzwei é\n", 1, 0]);
  writer.line("three");
  await clock.advance(20);
  assertEquals([state.written, writes, clock.sleeping], ["one\nzwei é\nthree\n", 2, 0]);
});

Deno.test("a flush writes at once, also what comes meanwhile, and stops the timer", async () => {
  const { clock, state, take, writer } = open();
  state.write = (bytes) => {
    state.write = undefined;
    writer.line("two");
    return take(bytes);
  };
  writer.line("one");
  await writer.flush();
  assertEquals([state.written, clock.sleeping], ["one\ntwo\n", 0]);
  await writer.flush();
  assertEquals(state.written, "one\ntwo\n");
});

Deno.test("a reader that stalls: writing does not block, new lines are dropped, whole and counted", async () => {
  const { clock, failures, state, take, writer } = open();
  const stalled = Promise.withResolvers<number>();
  state.write = () => stalled.promise;
  writer.line("first");
  await clock.advance(20);
  for (const text of ["0123456789", "too long a line for that", "short"]) writer.line(text);
  await clock.advance(60_000);
  assertEquals(clock.sleeping, 0);

  state.write = undefined;
  await take(new TextEncoder().encode("first\n"));
  stalled.resolve(6);
  await settled();
  writer.line("a");
  await clock.advance(20);
  assertEquals(state.written, "first\n0123456789\n(2 dropped)\na\n");
  assertEquals(failures, []);
});

Deno.test("a failed write is retried every second, and reported once", async () => {
  const { clock, failures, state, writer } = open();
  const full = new Error("no space left");
  let tries = 0;
  state.write = () => (tries++, Promise.reject(full));
  writer.line("one");
  await clock.advance(20);
  await clock.advance(3_000);
  writer.line("two");
  await clock.advance(500);
  assertEquals([tries, failures], [4, [full]]);

  state.write = undefined;
  await clock.advance(1_000);
  assertEquals([state.written, clock.sleeping], ["one\ntwo\n", 0]);
});

Deno.test("a line that a failure cuts in two is continued, and not begun again", async () => {
  const { clock, state, take, writer } = open();
  const writes: Write[] = [
    (bytes) => take(bytes.subarray(0, 2)),
    () => Promise.reject(new Error("no space left")),
  ];
  state.write = (bytes) => (writes.shift() ?? take)(bytes);
  writer.line("one");
  await clock.advance(20);
  assertEquals(state.written, "on");
  writer.line("two");
  await clock.advance(1_020);
  assertEquals(state.written, "one\ntwo\n");
});

Deno.test("a flush gives up when writing fails", async () => {
  const { state, writer } = open();
  state.write = () => Promise.reject(new Error("no space left"));
  writer.line("one");
  await writer.flush();
  assertEquals(state.written, "");
});
