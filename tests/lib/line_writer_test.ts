import { assertEquals } from "@std/assert";
import { LineWriter } from "../../lib/line_writer.ts";

/** Timers that ring when the test says so; the real ones are back when it is left. */
class Timers implements Disposable {
  readonly delays: number[] = [];
  readonly #set = globalThis.setTimeout;
  readonly #clear = globalThis.clearTimeout;
  readonly #waiting = new Map<number, () => void>();

  constructor() {
    replace("setTimeout", (callback: () => void, ms: number) => {
      this.#waiting.set(this.delays.push(ms), callback);
      return this.delays.length;
    });
    replace("clearTimeout", (id: number) => this.#waiting.delete(id));
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  ring(): void {
    for (const callback of this.#waiting.values()) callback();
  }

  [Symbol.dispose](): void {
    replace("setTimeout", this.#set);
    replace("clearTimeout", this.#clear);
  }
}

function replace(name: string, value: unknown): void {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

function open() {
  const written: string[] = [];
  return {
    written,
    writer: new LineWriter((bytes) => written.push(new TextDecoder().decode(bytes))),
  };
}

Deno.test("lines wait 20 ms for others, and are written in one go", () => {
  using timers = new Timers();
  const { written, writer } = open();
  writer.line("one");
  writer.line("zwei é");
  assertEquals([written, timers.delays], [[], [20]]);
  timers.ring();
  assertEquals(written, ["one\nzwei é\n"]);
  assertEquals(timers.waiting, 0);
});

Deno.test("after a flush the next line waits anew", () => {
  using timers = new Timers();
  const { written, writer } = open();
  writer.line("one");
  timers.ring();
  writer.line("two");
  assertEquals(timers.delays, [20, 20]);
  timers.ring();
  assertEquals(written, ["one\n", "two\n"]);
});

Deno.test("a flush writes at once, and stops the timer", () => {
  using timers = new Timers();
  const { written, writer } = open();
  writer.line("one");
  writer.flush();
  assertEquals(written, ["one\n"]);
  assertEquals(timers.waiting, 0);
});

Deno.test("a flush of nothing writes nothing", () => {
  using _timers = new Timers();
  const { written, writer } = open();
  writer.flush();
  writer.line("");
  writer.flush();
  writer.flush();
  assertEquals(written, ["\n"]);
});
