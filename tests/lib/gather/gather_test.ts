import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import type { Bytes } from "../../../lib/core/bytes.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import type { GatherPart } from "../../../lib/gather/gather_part.ts";
import type { PartProblem } from "../../../lib/http/problem.ts";
import { json } from "../../../lib/json/json_reply.ts";
import type { Reply, Source } from "../../../lib/core/source.ts";
import { testCall, testContext } from "../../support/context.ts";
import { countListeners } from "../../support/count_listeners.ts";
import { gatherOf } from "../../support/gather_of.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { property, type Random } from "../../support/random.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";

const encode = (text: string): Bytes => new TextEncoder().encode(text);

interface Envelope {
  readonly data: Readonly<Record<string, unknown>>;
  readonly complete: boolean;
  readonly problems?: readonly PartProblem[];
}

async function envelopeOf(reply: Reply): Promise<Envelope> {
  assertEquals(reply.status, 200);
  assertEquals(reply.headers.get("content-type"), "application/json");
  const text = new TextDecoder("utf-8", { fatal: true }).decode(await reply.body.bytes(Infinity));
  const envelope: Envelope = JSON.parse(text);
  assertEquals(reply.headers.get("gateway-complete"), envelope.complete ? "?1" : "?0");
  assertEquals(reply.headers.get("cache-control"), envelope.complete ? null : "no-store");
  assertEquals(envelope.problems === undefined, envelope.complete);
  return envelope;
}

function part(name: string, source: Source, more: Partial<GatherPart> = {}): GatherPart {
  return { name, source, call: () => testCall({ path: `/${name}` }), optional: false, ...more };
}

/** A gather whose parts a test plays, in the order of their names. */
function play(...parts: readonly (string | [string, Partial<GatherPart>])[]) {
  const script = new ScriptedSource();
  const clock = new ManualClock();
  const source = gatherOf(
    parts.map((given) => {
      const [name, more] = typeof given === "string" ? [given, {}] : given;
      return part(name, script.source, more);
    }),
    { clock },
  );
  return { script, clock, source };
}

const optional: Partial<GatherPart> = { optional: true };
const failure = (kind: GatewayError["kind"], status?: number) =>
  new GatewayError(kind, "it failed", status === undefined ? {} : { status });

/** Fails with a GatewayError, which is given back. */
function failureOf(promise: Promise<Reply>): Promise<GatewayError> {
  return assertRejects(() => promise, GatewayError);
}

// What it returns.

Deno.test("a gather of nothing returns an empty envelope", async () => {
  const { source } = play();
  assertEquals(await envelopeOf(await source(testCall(), testContext())), {
    data: {},
    complete: true,
  });
});

Deno.test("values are under their parts' names, in the order of the config", async () => {
  const { script, source } = play("b", "a", "c");
  const reply = source(testCall(), testContext());
  await settled();
  assertEquals(script.asked.map(({ call }) => call.path), ["/b", "/a", "/c"]);
  script.at(2).answerJson("third");
  script.at(0).answerJson({ first: true });
  script.at(1).answerJson([2]);
  const bytes = await (await reply).body.bytes(1000);
  assertEquals(
    new TextDecoder().decode(bytes),
    '{"data":{"b":{"first":true},"a":[2],"c":"third"},"complete":true}',
  );
});

Deno.test("an optional part that failed is null, and a problem", async () => {
  const { script, source } = play("a", ["b", optional]);
  const reply = source(testCall(), testContext());
  await settled();
  script.at(1).fail(failure("upstream-timeout"));
  script.at(0).answerJson(1);
  assertEquals(await envelopeOf(await reply), {
    data: { a: 1, b: null },
    complete: false,
    problems: [{
      part: "b",
      type: "/_gateway/problems/upstream-timeout",
      title: "Upstream timed out",
      status: 504,
      detail: "it failed",
    }],
  });
});

for (const otherwise of [[], {}, 0, "", false, null, { a: ["é"] }]) {
  Deno.test(`${JSON.stringify(otherwise)} replaces a failed part`, async () => {
    const { script, source } = play(["a", { optional: true, otherwise }]);
    const reply = source(testCall(), testContext());
    await settled();
    script.at(0).fail(failure("upstream-error"));
    const { data, complete } = await envelopeOf(await reply);
    assertEquals(data, { a: otherwise });
    assertEquals(complete, false);
  });
}

Deno.test("a fallback does not replace a response, not even an empty one", async () => {
  const { script, source } = play(["a", { optional: true, otherwise: 1 }], ["b", {
    optional: true,
    otherwise: 2,
  }]);
  const reply = source(testCall(), testContext());
  await settled();
  script.at(0).answerJson("real");
  script.at(1).answer({ status: 204, headers: new Headers(), body: Body.of(encode("")) });
  assertEquals(await envelopeOf(await reply), { data: { a: "real", b: null }, complete: true });
});

Deno.test("one response leaves nothing behind for the next", async () => {
  const { script, source } = play(["a", { optional: true, otherwise: "stand-in" }]);
  const first = source(testCall(), testContext());
  await settled();
  script.at(0).answerJson("real");
  await first;
  const second = source(testCall(), testContext());
  await settled();
  script.at(1).fail(failure("upstream-error"));
  assertEquals((await envelopeOf(await second)).data, { a: "stand-in" });
});

// When it fails.

Deno.test("a required part that fails fails the whole at once, and cancels the rest", async () => {
  const { script, source } = play("a", "b", ["c", optional]);
  const reply = source(testCall(), testContext());
  await settled();
  script.at(0).fail(failure("upstream-unreachable"));
  const error = await failureOf(reply);
  assertEquals(error.kind, "upstream-unreachable");
  assertEquals(error.message, "the part a is required: it failed");
  assertEquals(error.failures.map(({ part }) => part), ["a"]);
  assertEquals(script.inFlight, 0);
  for (const index of [1, 2]) {
    const { reason } = script.at(index).ctx.signal;
    assert(reason instanceof GatewayError && reason.kind === "cancelled");
  }
});

Deno.test("a failure keeps its status, its headers and its cause", async () => {
  const { script, source } = play("a");
  const reply = source(testCall(), testContext());
  await settled();
  const cause = new GatewayError("upstream-refused", "the upstream returned 401", {
    status: 401,
    headers: { "www-authenticate": "Basic" },
  });
  script.at(0).fail(cause);
  const error = await failureOf(reply);
  assertEquals(error.status, 401);
  assertEquals(error.headers, { "www-authenticate": "Basic" });
  assertStrictEquals(error.cause, cause);
});

Deno.test("earlier failures are reported with the one that decided", async () => {
  const { script, source } = play(["a", optional], "b", "c");
  const reply = source(testCall(), testContext());
  await settled();
  script.at(0).fail(failure("upstream-error"));
  await settled();
  script.at(2).fail(failure("upstream-timeout"));
  const error = await failureOf(reply);
  assertEquals(error.kind, "upstream-timeout");
  assertEquals(error.failures.map(({ part, error }) => [part, error.kind]), [
    ["a", "upstream-error"],
    ["c", "upstream-timeout"],
  ]);
});

Deno.test("the first required failure decides, also when a second comes with it", async () => {
  const { script, source } = play("a", "b");
  const reply = source(testCall(), testContext());
  await settled();
  script.at(1).fail(failure("upstream-timeout"));
  script.at(0).fail(failure("upstream-error"));
  const error = await failureOf(reply);
  assertEquals(error.kind, "upstream-timeout");
  assertEquals(error.failures.map(({ part }) => part).toSorted(), ["a", "b"]);
});

Deno.test("the deadline lists each part that it cut off", async () => {
  const request = new AbortController();
  const { script, source } = play("a", "b", ["c", optional], "d");
  const reply = source(testCall(), testContext({ signal: request.signal }));
  await settled();
  script.at(3).answerJson(1);
  await settled();
  request.abort(failure("deadline-exceeded"));
  const error = await failureOf(reply);
  assertEquals(error.kind, "deadline-exceeded");
  assertEquals(error.failures.map(({ part }) => part), ["a", "b", "c"]);
});

Deno.test("at the deadline, pending optional parts are left out of the response", async () => {
  const request = new AbortController();
  const { script, source } = play("a", ["b", optional]);
  const reply = source(testCall(), testContext({ signal: request.signal }));
  await settled();
  script.at(0).answerJson(1);
  await settled();
  request.abort(failure("deadline-exceeded"));
  const { data, problems } = await envelopeOf(await reply);
  assertEquals(data, { a: 1, b: null });
  assertEquals(problems?.map(({ part, status }) => [part, status]), [["b", 504]]);
});

Deno.test("a client that leaves ends everything, also when all parts are optional", async () => {
  const request = new AbortController();
  const { script, source } = play(["a", optional], ["b", optional]);
  const reply = source(testCall(), testContext({ signal: request.signal }));
  await settled();
  request.abort(failure("cancelled"));
  const error = await failureOf(reply);
  assertEquals(error.kind, "cancelled");
  assertEquals(error.failures, []);
  assertEquals(script.inFlight, 0);
});

Deno.test("an exception in a source is an internal error, which reveals nothing", async () => {
  const source = gatherOf([part("a", () => Promise.reject(new Error("SELECT secret")))], {
    clock: new ManualClock(),
  });
  const error = await failureOf(source(testCall(), testContext()));
  assertEquals([error.kind, error.status], ["internal", 500]);
  assert(!error.message.includes("secret"));
});

// What it requests.

Deno.test("a request at fault reaches no upstream", async () => {
  const script = new ScriptedSource();
  const fault = failure("bad-request");
  const source = gatherOf([
    part("a", script.source),
    part("b", script.source, {
      optional: true,
      call: () => {
        throw fault;
      },
    }),
  ], { clock: new ManualClock() });
  assertStrictEquals(await failureOf(source(testCall(), testContext())), fault);
  assertEquals(script.asked, []);
});

Deno.test("the client's body is read once, up to the limit, for parts that refer to it", async () => {
  const script = new ScriptedSource();
  const seen: unknown[] = [];
  const source = gatherOf([
    part("a", script.source, {
      call: (inputs) => {
        seen.push(inputs.get({ from: "body", path: ["x"] }));
        return testCall();
      },
    }),
  ], { clock: new ManualClock(), readsBody: 7 });
  const reply = source(testCall({ body: Body.of(encode('{"x":1}')) }), testContext());
  await settled();
  script.at(0).answerJson(1);
  await reply;
  assertEquals(seen, [1]);
  const tooLarge = source(testCall({ body: Body.of(encode('{"x":12}')) }), testContext());
  assertEquals((await failureOf(tooLarge)).kind, "payload-too-large");
  assertEquals(script.asked.length, 1);
});

Deno.test("parts get the request's context, and a signal of their own", async () => {
  const { script, source } = play("a");
  const ctx = testContext({ deadline: 123 });
  const reply = source(testCall(), ctx);
  await settled();
  const inner = script.at(0).ctx;
  assertEquals([inner.deadline, inner.client, inner.trace], [123, ctx.client, ctx.trace]);
  assert(inner.signal !== ctx.signal);
  script.at(0).answerJson(1);
  await reply;
});

for (const count of [1, 3, 10, 50]) {
  Deno.test(`a gather of ${count} takes as long as its slowest part`, async () => {
    const clock = new ManualClock();
    const source = gatherOf(
      Array.from({ length: count }, (_, index) =>
        part(`p${index}`, async (_call, { signal }) => {
          await clock.sleep(10 + (index * 7) % count, signal);
          return json(index);
        })),
      { clock },
    );
    let answeredAt: number | undefined;
    const reply = source(testCall(), testContext());
    reply.then(() => answeredAt = clock.monotonic());
    await clock.advance(200);
    const slowest = Math.max(...Array.from({ length: count }, (_, i) => 10 + (i * 7) % count));
    assertEquals(answeredAt, slowest);
    assertEquals(Object.keys((await envelopeOf(await reply)).data).length, count);
  });
}

Deno.test("a gather that has ended, well or not, no longer follows the request's signal", async () => {
  for (const fails of [false, true]) {
    const { script, source } = play("a", "b");
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    const reply = source(testCall(), testContext({ signal }));
    await settled();
    assert(listeners.count > 0);
    if (fails) script.at(0).fail(failure("upstream-error"));
    else for (const part of [0, 1]) script.at(part).answerJson(part);
    await (fails ? failureOf(reply) : reply);
    assertEquals(listeners.count, 0);
  }
});

Deno.test("a part whose call fails at once does not end the gather while another is ready", async () => {
  const { script, source } = play(
    "a",
    ["b", {
      ...optional,
      needs: ["a"],
      call(inputs) {
        if (inputs.outputs.size > 0) throw failure("input-invalid");
        return testCall();
      },
    }],
    ["c", { ...optional, needs: ["a"] }],
  );
  const reply = source(testCall(), testContext());
  await settled();
  script.at(0).answerJson(1);
  await settled();
  script.at(1).answerJson(3);
  assertEquals((await envelopeOf(await reply)).data, { a: 1, b: null, c: 3 });
});

Deno.test("gather -> gather: an aggregate is a part like any other", async () => {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const inner = gatherOf([part("x", script.source), part("y", script.source, optional)], { clock });
  const outer = gatherOf([part("inner", inner), part("z", script.source)], { clock });
  const reply = outer(testCall(), testContext());
  await settled();
  script.at(0).answerJson(1);
  script.at(1).fail(failure("upstream-error"));
  script.at(2).answerJson(3);
  const { data, complete } = await envelopeOf(await reply);
  assertEquals(complete, false, "what is missing within is missing");
  assertEquals(data.z, 3);
  assert(JSON.stringify(data.inner).startsWith('{"data":{"x":1,"y":null},"complete":false'));
});

Deno.test("gather -> gather: a required failure deep within ends it all", async () => {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const inner = gatherOf([part("x", script.source), part("y", script.source)], { clock });
  const outer = gatherOf([part("inner", inner), part("z", script.source)], { clock });
  const reply = outer(testCall(), testContext());
  await settled();
  script.at(1).fail(failure("upstream-refused", 404));
  const error = await failureOf(reply);
  assertEquals([error.kind, error.status], ["upstream-refused", 404]);
  assertEquals(script.inFlight, 0);
});

// Properties.

const TEXTS = [
  "",
  "a",
  '"',
  "\\",
  "\n",
  "é",
  "😀",
  "\u2028",
  "\ufeff",
  "\ud800",
  "\0",
  "</script>",
];

function randomJson(random: Random, depth = 3): unknown {
  const kind = random.int(0, depth > 0 ? 5 : 3);
  if (kind === 0) return random.pick([null, true, false]);
  if (kind === 1) return random.pick([0, -0.5, 1e21, 5e-324, random.int(-1e9, 1e9)]);
  if (kind <= 3) return random.text(TEXTS, 4);
  if (kind === 4) return random.list(0, 3, () => randomJson(random, depth - 1));
  return Object.fromEntries(
    random.list(0, 3, () => [random.text(TEXTS, 3), randomJson(random, depth - 1)]),
  );
}

/** A document that a JSON upstream may return, and its value. */
function randomDocument(random: Random): { readonly bytes: Bytes; readonly value: unknown } {
  if (random.bool(0.1)) return { bytes: encode(""), value: null };
  const value = randomJson(random);
  const text = JSON.stringify(value, null, random.pick(["", "  ", "\t"]));
  const [before, after] = [random.pick(["", " ", "\ufeff", "\ufeff\n"]), random.pick(["", "\r\n"])];
  return { bytes: encode(before + text + after), value: JSON.parse(text) };
}

property("the envelope is valid JSON that contains the parts' data", 300, async (random) => {
  const documents = random.list(1, 5, () => randomDocument(random));
  const names = documents.map((_, index) => random.pick(["a", "_", "constructor", "Z9"]) + index);
  const fails = documents.map(() => random.bool(0.2));
  const source = gatherOf(
    documents.map(({ bytes }, index) =>
      part(
        names[index] ?? "",
        () =>
          fails[index]
            ? Promise.reject(new GatewayError("upstream-error", random.text(TEXTS, 4)))
            : Promise.resolve({ status: 200, headers: new Headers(), body: Body.of(bytes) }),
        optional,
      )
    ),
    { clock: new ManualClock() },
  );
  const { data, complete, problems = [] } = await envelopeOf(
    await source(testCall(), testContext()),
  );
  const expected = documents.map(({ value }, index) => [names[index], fails[index] ? null : value]);
  assertEquals(Object.entries(data), expected);
  assertEquals(complete, !fails.includes(true));
  assertEquals(problems.map(({ part }) => part), names.filter((_, index) => fails[index]));
});

property("a gather responds when it can, and leaves nothing running", 300, async (random) => {
  const clock = new ManualClock();
  const request = new AbortController();
  const deadlineMs = random.int(20, 150);
  clock.sleep(deadlineMs).then(() => request.abort(failure("deadline-exceeded")));
  let inFlight = 0;
  const plans = random.list(1, 6, (index) => ({
    name: `p${index}`,
    delayMs: random.int(0, 100) * 2 + index / 10,
    fails: random.bool(0.3),
    optional: random.bool(),
  }));
  const source = gatherOf(
    plans.map(({ name, delayMs, fails, optional }) =>
      part(name, async (_call, { signal }) => {
        inFlight++;
        try {
          await clock.sleep(delayMs, signal);
          if (fails) throw failure("upstream-error");
          return json(name);
        } finally {
          inFlight--;
        }
      }, { optional })
    ),
    { clock },
  );
  let end: { readonly at: number; readonly inFlight: number } | undefined;
  const reply = Promise.allSettled([source(testCall(), testContext({ signal: request.signal }))]);
  reply.then(() => end = { at: clock.monotonic(), inFlight });
  await clock.advance(300);
  const [outcome] = await reply;

  const failsBy = plans.map(({ delayMs, fails }) =>
    delayMs >= deadlineMs ? deadlineMs : fails ? delayMs : Infinity
  );
  const fatalAt = Math.min(
    ...plans.map(({ optional }, index) => optional ? Infinity : failsBy[index] ?? Infinity),
  );
  const slowest = Math.min(deadlineMs, Math.max(...plans.map(({ delayMs }) => delayMs)));
  assertEquals(end?.inFlight, 0);
  assertEquals(end?.at, Math.min(fatalAt, slowest));
  const failed = plans.filter((_, index) =>
    (failsBy[index] ?? Infinity) <= Math.min(fatalAt, slowest)
  );
  const names = failed.map(({ name }) => name).toSorted();
  if (outcome.status === "fulfilled") {
    assertEquals(fatalAt, Infinity);
    const { data, problems = [] } = await envelopeOf(outcome.value);
    assertEquals(problems.map(({ part }) => part).toSorted(), names);
    for (const { name } of plans) assertEquals(data[name], names.includes(name) ? null : name);
  } else {
    assert(outcome.reason instanceof GatewayError && fatalAt < Infinity);
    assertEquals(outcome.reason.failures.map(({ part }) => part).toSorted(), names);
  }
});
