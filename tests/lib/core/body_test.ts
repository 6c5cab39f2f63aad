import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { assertSpyCalls, spy } from "@std/testing/mock";
import { Body, BodyTooLarge } from "../../../lib/core/body.ts";
import { type Bytes, joinBytes } from "../../../lib/core/bytes.ts";
import { settled } from "../../support/manual_clock.ts";
import { property, type Random } from "../../support/random.ts";
import { ScriptedStream } from "../../support/scripted_stream.ts";

const encode = (text: string): Bytes => new TextEncoder().encode(text);
const decode = (bytes: Bytes): string => new TextDecoder().decode(bytes);

/** A stream that has these chunks, and hands them out on demand alone. */
function streamOf(...chunks: readonly string[]): ReadableStream<Bytes> {
  const left = chunks.map(encode);
  return new ReadableStream<Bytes>({
    pull(controller) {
      const chunk = left.shift();
      if (chunk) controller.enqueue(chunk);
      else controller.close();
    },
  }, { highWaterMark: 0 });
}

async function textOf(body: Body): Promise<string> {
  let text = "";
  for await (const chunk of body) text += decode(chunk);
  return text;
}

/** What is there when all that can happen without an answer has: a reader that hangs is no promise. */
async function soon<T>(promise: Promise<T>): Promise<T | "still waiting"> {
  let outcome: { readonly value: T } | undefined;
  promise.then((value) => outcome = { value }, () => {});
  await settled();
  return outcome ? outcome.value : "still waiting";
}

// A body that is all here.

Deno.test("a body of bytes gives them to every reader", async () => {
  const body = Body.of(encode("abc"));
  assertEquals(body.length, 3);
  assertEquals(await textOf(body), "abc");
  assertEquals(await textOf(body), "abc");
  assertEquals(decode(await body.bytes(3)), "abc");
});

Deno.test("an empty body has no chunk, no length and no JSON", async () => {
  const body = Body.of(new Uint8Array());
  assertEquals(body.length, 0);
  assertEquals((await body[Symbol.asyncIterator]().next()).done, true);
  assertEquals((await body.bytes(0)).length, 0);
  assertEquals(await body.json(0), undefined);
});

Deno.test("a complete body stays as it is when it is cancelled", async () => {
  const body = Body.of(encode("abc"));
  await body.cancel();
  assertEquals(await textOf(body), "abc");
  assertEquals(body.handOn(), encode("abc"));
});

// A body that is still to come.

Deno.test("the origin is not read before a reader reads", async () => {
  const origin = new ScriptedStream();
  Body.from({ stream: origin.stream });
  await settled();
  assertEquals(origin.pulls, 0);
});

Deno.test("a reader that takes one chunk pulls one chunk", async () => {
  const origin = new ScriptedStream();
  const reader = Body.from({ stream: origin.stream })[Symbol.asyncIterator]();
  const first = reader.next();
  await settled();
  assertEquals(origin.pulls, 1);
  origin.deliver("a");
  assertEquals((await first).value, encode("a"));
  await settled();
  assertEquals(origin.pulls, 1);
});

Deno.test("readers that wait together cause one pull, and get the same chunk", async () => {
  const origin = new ScriptedStream();
  const body = Body.from({ stream: origin.stream });
  const first = body[Symbol.asyncIterator]().next();
  const second = body[Symbol.asyncIterator]().next();
  await settled();
  assertEquals(origin.pulls, 1);
  origin.deliver("a");
  assertEquals((await first).value, encode("a"));
  assertEquals((await second).value, encode("a"));
});

Deno.test("a reader that comes late gets everything from the first byte", async () => {
  const body = Body.from({ stream: streamOf("a", "b", "c") });
  const early = body[Symbol.asyncIterator]();
  await early.next();
  await early.next();
  assertEquals(await textOf(body), "abc");
  assertEquals((await early.next()).value, encode("c"));
  assertEquals((await early.next()).done, true);
});

Deno.test("a failing origin fails every reader, after the bytes that came", async () => {
  const origin = new ScriptedStream();
  const body = Body.from({ stream: origin.stream });
  const reader = body[Symbol.asyncIterator]();
  const first = reader.next();
  await settled();
  origin.deliver("a");
  await first;
  const second = reader.next();
  await settled();
  const lost = new Error("connection lost");
  origin.fail(lost);
  assertStrictEquals(await assertRejects(() => second), lost);
  const late = body[Symbol.asyncIterator]();
  assertEquals((await late.next()).value, encode("a"));
  assertStrictEquals(await assertRejects(() => late.next()), lost);
  assertStrictEquals(await assertRejects(() => body.bytes(10)), lost);
  assertStrictEquals(assertThrows(() => body.handOn()), lost);
});

Deno.test("the length is the origin's word, then what came", async () => {
  const told = Body.from({ stream: streamOf("abc"), length: 3 });
  assertEquals(told.length, 3);
  const untold = Body.from({ stream: streamOf("ab", "c") });
  assertEquals(untold.length, undefined);
  await untold.bytes(3);
  assertEquals(untold.length, 3);
});

// bytes

Deno.test("bytes joins the chunks once, and returns them at once when called again", async () => {
  const body = Body.from({ stream: streamOf("a", "b", "c") });
  const bytes = await body.bytes(3);
  assertEquals(decode(bytes), "abc");
  assertStrictEquals(await body.bytes(3), bytes);
});

Deno.test("bytes while another reads gives both everything", async () => {
  const body = Body.from({ stream: streamOf("a", "b", "c") });
  const reader = body[Symbol.asyncIterator]();
  await reader.next();
  assertEquals(decode(await body.bytes(3)), "abc");
  assertEquals((await reader.next()).value, encode("b"));
  assertEquals((await reader.next()).value, encode("c"));
  assertEquals((await reader.next()).done, true);
});

Deno.test("a body of just the limit is taken, one byte more is refused", async () => {
  assertEquals((await Body.from({ stream: streamOf("ab", "cd") }).bytes(4)).length, 4);
  const error = await assertRejects(
    () => Body.from({ stream: streamOf("ab", "cd", "e") }).bytes(4),
    BodyTooLarge,
    "the body is larger than 4 bytes",
  );
  assertEquals(error.limit, 4);
});

Deno.test("a complete body above the limit is refused and stays", async () => {
  const body = Body.of(encode("abc"));
  await assertRejects(() => body.bytes(2), BodyTooLarge);
  assertEquals(await textOf(body), "abc");
});

Deno.test("what is past the limit is not read: the origin is cancelled", async () => {
  const origin = new ScriptedStream();
  const reading = Body.from({ stream: origin.stream }).bytes(2);
  await settled();
  origin.deliver("abc");
  await assertRejects(() => reading, BodyTooLarge);
  assertEquals(origin.pulls, 1);
  assert(origin.isCancelled);
});

Deno.test("a body that says it is too large is refused unread", async () => {
  const origin = new ScriptedStream();
  const whole = spy(() => Promise.resolve(encode("abc")));
  const body = Body.from({ stream: origin.stream, length: 3, whole });
  await assertRejects(() => body.bytes(2), BodyTooLarge);
  assertEquals(origin.pulls, 0);
  assert(origin.isCancelled);
  assertSpyCalls(whole, 0);
});

// whole

Deno.test("whole reads everything in one step, when no reader has begun", async () => {
  const origin = new ScriptedStream();
  const whole = spy(() => Promise.resolve(encode("abc")));
  const body = Body.from({ stream: origin.stream, length: 3, whole });
  const both = await Promise.all([body.bytes(3), body.bytes(3), textOf(body)]);
  assertEquals([decode(both[0]), decode(both[1]), both[2]], ["abc", "abc", "abc"]);
  assertSpyCalls(whole, 1);
  assertEquals(origin.pulls, 0);
});

Deno.test("whole is not used while another reader is there", async () => {
  const whole = spy(() => Promise.resolve(encode("never")));
  const body = Body.from({ stream: streamOf("a", "b"), length: 2, whole });
  const reader = body[Symbol.asyncIterator]();
  const first = reader.next();
  assertEquals(decode(await body.bytes(2)), "ab");
  assertEquals((await first).value, encode("a"));
  assertSpyCalls(whole, 0);
});

Deno.test("whole is not used once the stream was begun, though no byte has come", async () => {
  const whole = spy(() => Promise.reject<Bytes>(new TypeError("the stream is locked")));
  const body = Body.from({ stream: streamOf("", "ab"), length: 2, whole });
  const reader = body[Symbol.asyncIterator]();
  await reader.next();
  assertEquals(decode(await body.bytes(2)), "ab");
  assertSpyCalls(whole, 0);
});

Deno.test("whole that fails fails every reader, and is not called again", async () => {
  const lost = new Error("connection lost");
  const whole = spy(() => Promise.reject<Bytes>(lost));
  const body = Body.from({ stream: streamOf("abc"), length: 3, whole });
  const outcomes = await Promise.allSettled([body.bytes(3), textOf(body), body.json(3)]);
  for (const outcome of outcomes) {
    assert(outcome.status === "rejected");
    assertStrictEquals(outcome.reason, lost);
  }
  assertStrictEquals(await assertRejects(() => body.bytes(3)), lost);
  assertSpyCalls(whole, 1);
});

Deno.test("whole of an unknown length is told its limit, which is that of the first reader", async () => {
  const limits: number[] = [];
  const body = Body.from({
    stream: streamOf("never"),
    whole: (limit) => {
      limits.push(limit);
      return Promise.resolve(encode("abc"));
    },
  });
  const both = await Promise.all([body.bytes(5), body.bytes(9)]);
  assertEquals([both.map(decode), limits, body.length], [["abc", "abc"], [5], 3]);
});

Deno.test("whole of an unknown length that is too large fails its readers", async () => {
  const body = Body.from({
    stream: streamOf("never"),
    whole: (limit) => Promise.reject(new BodyTooLarge(limit)),
  });
  const error = await assertRejects(() => body.bytes(2), BodyTooLarge);
  assertEquals([error.limit, body.length], [2, undefined]);
});

// wholeBytes

Deno.test("wholeBytes are there at once, or when all have arrived and are buffered", async () => {
  const bytes = encode("abc");
  assertStrictEquals(Body.of(bytes).wholeBytes, bytes);
  const body = Body.from({ stream: streamOf("a", "bc") });
  assertEquals(body.wholeBytes, undefined);
  await body.bytes(3);
  assertEquals(body.wholeBytes, bytes);
  const passedOn = Body.from({ stream: streamOf("ab", "cd") }, 3);
  await textOf(passedOn);
  assertEquals(passedOn.wholeBytes, undefined);
});

Deno.test("wholeBytes of a body that broke off are not there", async () => {
  const origin = new ScriptedStream();
  const body = Body.from({ stream: origin.stream });
  const reading = assertRejects(() => body.bytes(9));
  await settled();
  origin.deliver("a");
  await settled();
  origin.fail(new Error("lost"));
  await reading;
  assertEquals(body.wholeBytes, undefined);
});

// json

Deno.test("checkJson accepts what json parses, and nothing else", () => {
  for (const text of ["", "1", '{"a":[1]}', '"€"', "\ufeff[1]"]) Body.of(encode(text)).checkJson();
  assertThrows(() => Body.of(encode("{")).checkJson(), SyntaxError);
  assertThrows(() => Body.of(new Uint8Array([0x22, 0xff, 0x22])).checkJson(), TypeError);
});

Deno.test("checkJson parses once, and not what json has parsed", async () => {
  const { parse } = JSON;
  const counting = spy((text: string) => parse(text));
  JSON.parse = counting;
  try {
    const checked = Body.of(encode('["é"]'));
    checked.checkJson();
    checked.checkJson();
    assertSpyCalls(counting, 1);
    const parsed = Body.of(encode('["é"]'));
    await parsed.json(10);
    parsed.checkJson();
    assertSpyCalls(counting, 2);
  } finally {
    JSON.parse = parse;
  }
});

Deno.test("json may contain U+FFFD, which stands for bytes that are not UTF-8", async () => {
  assertEquals(await Body.of(encode('"\ufffd"')).json(10), "\ufffd");
});

Deno.test("json is parsed once", async () => {
  const body = Body.from({ stream: streamOf('{"a"', ":1}") });
  const [first, second] = await Promise.all([body.json(10), body.json(10)]);
  assertEquals(first, { a: 1 });
  assertEquals(second, { a: 1 });
  assertStrictEquals(await body.json(10), await body.json(10));
});

Deno.test("json may begin with a byte order mark", async () => {
  assertEquals(await Body.of(encode("\ufeff[1]")).json(10), [1]);
});

Deno.test("json that is not JSON, or not UTF-8, is refused, and the next one read", async () => {
  await assertRejects(() => Body.of(encode("{")).json(10), SyntaxError);
  await assertRejects(() => Body.of(new Uint8Array([0x22, 0xff, 0x22])).json(10), TypeError);
  await assertRejects(() => Body.of(new Uint8Array([0x22, 0xe2, 0x82])).json(10), TypeError);
  assertEquals(await Body.of(encode('"€"')).json(10), "€");
});

Deno.test("json past the limit is refused", async () => {
  await assertRejects(() => Body.from({ stream: streamOf("[1", "2]") }).json(3), BodyTooLarge);
});

// handOn

Deno.test("an unread body is handed on as the origin's own stream, once", async () => {
  const stream = streamOf("a");
  const body = Body.from({ stream });
  assertStrictEquals(body.handOn(), stream);
  assertThrows(() => body.handOn(), Error, "handed on");
  await assertRejects(() => textOf(body), Error, "handed on");
  await assertRejects(() => body.bytes(1), Error, "handed on");
});

Deno.test("a body that was read is handed on as bytes", async () => {
  const body = Body.from({ stream: streamOf("a", "b") });
  assertEquals(await textOf(body), "ab");
  assertEquals(body.handOn(), encode("ab"));
});

Deno.test("a body that is being read is not handed on", async () => {
  const body = Body.from({ stream: streamOf("a", "b") });
  await body[Symbol.asyncIterator]().next();
  assertThrows(() => body.handOn(), Error, "being read");
});

Deno.test("a body that is being read in one step is not handed on", async () => {
  const arrival = Promise.withResolvers<Bytes>();
  const body = Body.from({ stream: streamOf("ab"), length: 2, whole: () => arrival.promise });
  const reading = Promise.allSettled([body.bytes(2)]);
  assertThrows(() => body.handOn(), Error, "being read");
  arrival.resolve(encode("ab"));
  assertEquals(await reading, [{ status: "fulfilled", value: encode("ab") }]);
});

Deno.test("a body that was cancelled halfway is not handed on as if it were whole", async () => {
  const origin = new ScriptedStream();
  const body = Body.from({ stream: origin.stream });
  const reader = body[Symbol.asyncIterator]();
  const first = reader.next();
  await settled();
  origin.deliver("half");
  await first;
  const second = reader.next();
  await body.cancel();
  await assertRejects(() => second, Error, "cancelled");
  assertThrows(() => body.handOn(), Error, "cancelled");
  assertEquals(body.length, undefined);
});

Deno.test("a body too large to keep is not handed on without what was let go", async () => {
  const body = Body.from({ stream: streamOf("ab", "cd", "ef") }, 3);
  assertEquals(await textOf(body), "abcdef");
  assertThrows(() => body.handOn());
});

// cancel

Deno.test("cancel stops the origin, and readers that wait fail", async () => {
  const origin = new ScriptedStream();
  const body = Body.from({ stream: origin.stream });
  const waiting = body[Symbol.asyncIterator]().next();
  await settled();
  await body.cancel();
  await assertRejects(() => waiting, Error, "cancelled");
  assert(origin.isCancelled);
  await assertRejects(() => textOf(body), Error, "cancelled");
  await body.cancel();
});

Deno.test("cancel reaches readers that wait for a body read in one step", async () => {
  const origin = new ScriptedStream();
  const whole = () => new Promise<Bytes>(() => {});
  const body = Body.from({ stream: origin.stream, length: 3, whole });
  const reading = Promise.allSettled([body.bytes(3)]);
  await body.cancel();
  const outcome = await soon(reading);
  assert(outcome !== "still waiting" && outcome[0].status === "rejected");
});

Deno.test("cancel stops an origin that was never read", async () => {
  const origin = new ScriptedStream();
  await Body.from({ stream: origin.stream }).cancel();
  assert(origin.isCancelled);
});

Deno.test("cancel survives an origin that cannot be cancelled", async () => {
  const stream = new ReadableStream<Bytes>({
    cancel() {
      throw new Error("no");
    },
  });
  const body = Body.from({ stream });
  await body.cancel();
  await assertRejects(() => textOf(body), Error, "cancelled");
});

// More than is kept.

Deno.test("exactly `keep` bytes can be read again", async () => {
  const body = Body.from({ stream: streamOf("ab", "cd") }, 4);
  assertEquals(await textOf(body), "abcd");
  assertEquals(await textOf(body), "abcd");
});

Deno.test("4 MiB are buffered for later readers by default, and not a byte more", async () => {
  const half = "x".repeat(2 * 2 ** 20);
  const kept = Body.from({ stream: streamOf(half, half) });
  assertEquals((await textOf(kept)).length, (await textOf(kept)).length);
  const passedOn = Body.from({ stream: streamOf(half, half, "x") });
  assertEquals((await textOf(passedOn)).length, 4 * 2 ** 20 + 1);
  await assertRejects(() => textOf(passedOn), Error, "too large to buffer");
});

Deno.test("beyond `keep`, a new reader is rejected", async () => {
  const body = Body.from({ stream: streamOf("ab", "cd", "e") }, 4);
  assertEquals(await textOf(body), "abcde");
  await assertRejects(() => textOf(body), Error, "too large to buffer");
  await assertRejects(() => body.bytes(10), Error, "too large to buffer");
});

Deno.test("beyond `keep`, a fast reader waits for a slow one, and both get everything", async () => {
  const body = Body.from({ stream: streamOf("ab", "cd", "ef", "gh") }, 3);
  const [fast, slow] = [body[Symbol.asyncIterator](), body[Symbol.asyncIterator]()];
  assertEquals((await slow.next()).value, encode("ab"));
  assertEquals((await fast.next()).value, encode("ab"));
  assertEquals((await fast.next()).value, encode("cd"));
  const third = fast.next();
  assertEquals(await soon(third), "still waiting");
  assertEquals((await slow.next()).value, encode("cd"));
  assertEquals((await third).value, encode("ef"));
  assertEquals((await slow.next()).value, encode("ef"));
});

Deno.test("beyond `keep`, a slow reader that leaves no longer delays the others", async () => {
  const body = Body.from({ stream: streamOf("ab", "cd", "ef") }, 1);
  const [fast, slow] = [body[Symbol.asyncIterator](), body[Symbol.asyncIterator]()];
  await Promise.all([fast.next(), slow.next()]);
  await fast.next();
  const third = fast.next();
  assertEquals(await soon(third), "still waiting");
  await slow.return();
  assertEquals(await soon(third), { done: false, value: encode("ef") });
});

Deno.test("beyond `keep`, the body is closed when its last reader leaves", async () => {
  const body = Body.from({ stream: streamOf("ab", "cd", "ef") }, 3);
  const reader = body[Symbol.asyncIterator]();
  await reader.next();
  await reader.next();
  await reader.return();
  await assertRejects(() => textOf(body), Error, "too large to buffer");
});

Deno.test("bytes reads a body up to its own limit, also beyond `keep`", async () => {
  const body = Body.from({ stream: streamOf("ab", "cd", "ef") }, 3);
  assertEquals(decode(await body.bytes(6)), "abcdef");
});

Deno.test("bytes reads a body in one step, also beyond `keep`", async () => {
  const body = Body.from({
    stream: streamOf("abcdef"),
    length: 6,
    whole: () => Promise.resolve(encode("abcdef")),
  }, 3);
  assertEquals(decode(await body.bytes(6)), "abcdef");
});

Deno.test("a response between the default `keep` and its limit arrives whole", async () => {
  const mebibyte = "x".repeat(2 ** 20);
  const body = Body.from({ stream: streamOf(...Array(5).fill(mebibyte)) });
  assertEquals((await body.bytes(8 * 2 ** 20)).length, 5 * 2 ** 20);
});

// Properties.

/** A reader whose steps a test chooses. */
class PacedReader {
  readonly chunks: Bytes[] = [];
  readonly joinedAtSize: number;
  outcome: "complete" | "left" | { readonly error: unknown } | undefined;
  isWaiting = false;
  readonly #iterator: AsyncGenerator<Bytes, void, void>;

  constructor(body: Body, joinedAtSize: number) {
    this.#iterator = body[Symbol.asyncIterator]();
    this.joinedAtSize = joinedAtSize;
  }

  get isActive(): boolean {
    return this.outcome === undefined;
  }

  /** How many chunks it took, the one it waits for among them. */
  get wanted(): number {
    return this.chunks.length + (this.isWaiting ? 1 : 0);
  }

  get canAsk(): boolean {
    return this.isActive && !this.isWaiting;
  }

  ask(): void {
    this.isWaiting = true;
    this.#iterator.next().then(({ done, value }) => {
      this.isWaiting = false;
      if (done || value === undefined) this.outcome = "complete";
      else this.chunks.push(value);
    }, (error: unknown) => {
      this.isWaiting = false;
      this.outcome = { error };
    });
  }

  async leave(): Promise<void> {
    this.outcome = "left";
    await this.#iterator.return();
  }
}

interface Play {
  readonly random: Random;
  /** Whether readers may leave before the end. */
  readonly leaves: boolean;
  /** Whether the body may be cancelled. */
  readonly cancels: boolean;
}

/** Plays one body with an origin and readers at any pace, and checks what each reader got. */
async function playBody({ random, leaves, cancels }: Play): Promise<void> {
  const chunks = random.list(0, 8, (index) => new Uint8Array(random.int(1, 5)).fill(index + 1));
  const keep = random.pick([0, 1, 5, 10, 1000]);
  const failsAt = random.bool(0.3) ? random.int(0, chunks.length) : undefined;
  const lost = new Error("connection lost");
  const readers: PacedReader[] = [];
  let delivered = 0;
  let cancelled = false;
  const size = () => joinBytes(chunks.slice(0, delivered)).length;

  const broken: string[] = [];
  const origin = new ScriptedStream(() => {
    const furthest = Math.max(...readers.map((reader) => reader.wanted));
    if (origin.pulls > furthest) broken.push("it pulled ahead of demand");
    const isBehind = readers.some((reader) => reader.isActive && reader.wanted < delivered);
    if (size() > keep && isBehind) broken.push("past keep it pulled while a reader was behind");
  });
  const body = Body.from({ stream: origin.stream }, keep);

  const answer = () => {
    const chunk = chunks[delivered];
    if (delivered === failsAt) return origin.fail(lost);
    if (chunk === undefined) return origin.end();
    delivered++;
    origin.deliver(chunk.slice());
  };
  const join = () => {
    const reader = new PacedReader(body, size());
    readers.push(reader);
    reader.ask();
  };
  const step = async () => {
    const reader = readers.length > 0 ? random.pick(readers) : undefined;
    if (readers.length === 0 || (readers.length < 5 && random.bool(0.1))) join();
    else if (cancels && random.bool(0.02)) {
      cancelled = true;
      await body.cancel();
    } else if (leaves && reader?.canAsk && random.bool(0.1)) await reader.leave();
    else if (origin.isWanted && random.bool(0.4)) answer();
    else if (reader?.canAsk) reader.ask();
    await settled();
  };
  for (let steps = random.int(0, 60); steps > 0; steps--) await step();
  // From here on everybody reads to the end, so all must come to one.
  for (let rounds = 0; rounds < 50 && readers.some((reader) => reader.isActive); rounds++) {
    for (const reader of readers) {
      if (reader.canAsk) reader.ask();
      await settled();
    }
    if (origin.isWanted) answer();
    await settled();
  }

  assertEquals(broken, []);
  const all = joinBytes(chunks);
  for (const { chunks: taken, outcome, joinedAtSize } of readers) {
    assert(outcome !== undefined, "a reader waits for ever");
    const got = joinBytes(taken);
    assertEquals(got, all.slice(0, got.length), "bytes out of order");
    if (outcome === "complete") {
      assertEquals(got.length, all.length, "a truncated body looks complete");
      assertEquals(failsAt, undefined);
    } else if (outcome !== "left" && outcome.error !== lost) {
      assertInstanceOf(outcome.error, Error);
      if (outcome.error.message.includes("too large")) {
        assert(joinedAtSize > keep, "it was refused though all is kept");
        assertEquals(taken.length, 0);
      } else assert(cancelled, outcome.error.message);
    }
  }
  if (!readers.some(({ outcome }) => outcome === "complete")) return;
  if (size() <= keep) assertEquals(await body.bytes(1000), all);
}

property("every reader of a body gets all of it in order, or is refused", 400, async (random) => {
  await playBody({ random, leaves: false, cancels: false });
});

property("a cancelled body never looks complete to a reader", 400, async (random) => {
  await playBody({ random, leaves: false, cancels: true });
});

property("readers that leave hold nobody up, and take nothing from others", 400, async (random) => {
  await playBody({ random, leaves: true, cancels: false });
});

property("bytes, json and readers at the same time all get the same", 200, async (random) => {
  const text = JSON.stringify(random.list(0, 9, () => random.int(0, 999)));
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    const length = random.int(1, 6);
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  const hasWhole = random.bool();
  const body = Body.from({
    stream: streamOf(...pieces),
    ...(hasWhole && { length: text.length, whole: () => Promise.resolve(encode(text)) }),
  });
  const limit = text.length + random.int(0, 3);
  const asks = [
    () => body.bytes(limit).then(decode),
    () => body.json(limit).then((value) => JSON.stringify(value)),
    () => textOf(body),
  ];
  // A stream that was read in one step has no second reader before it: that step comes first.
  const order = hasWhole ? asks : random.shuffle(asks);
  for (const got of await Promise.all(order.map((ask) => ask()))) assertEquals(got, text);
});

property("bytes takes just what its limit allows, however it is chunked", 300, async (random) => {
  const pieces = random.list(0, 6, () => "x".repeat(random.int(1, 4)));
  const size = pieces.join("").length;
  const keep = random.pick([size, size + 1, 1000]);
  const limit = random.int(0, size + 3);
  const reading = Body.from({ stream: streamOf(...pieces) }, keep).bytes(limit);
  if (size <= limit) assertEquals((await reading).length, size);
  else await assertRejects(() => reading, BodyTooLarge);
});

property("bytes takes just what its limit allows, whatever is kept", 100, async (random) => {
  const pieces = random.list(1, 6, () => "x".repeat(random.int(1, 4)));
  const size = pieces.join("").length;
  const body = Body.from({ stream: streamOf(...pieces) }, random.int(0, size));
  assertEquals((await body.bytes(random.int(size, size + 3))).length, size);
});
