import { assert, assertEquals } from "@std/assert";
import { Body } from "../../lib/body.ts";
import { GatewayError, toGatewayError } from "../../lib/errors.ts";
import { gather } from "../../lib/gather.ts";
import { type GatherPart, GatherPlan } from "../../lib/gather_plan.ts";
import { gatherRecords } from "../../lib/gather_records.ts";
import { Scope } from "../../lib/scope.ts";
import type { Context, Source } from "../../lib/source.ts";
import { testCall, testContext } from "../support/context.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { property, type Random } from "../support/random.ts";

/** A part of a random graph. */
interface Planned {
  readonly name: string;
  readonly needs: readonly string[];
  readonly durationMs: number;
  /** Undefined when it succeeds. */
  readonly fails: GatewayError["kind"] | undefined;
  readonly optional: boolean;
  readonly bytes: string;
}

interface World {
  readonly parts: readonly Planned[];
  readonly quorum: number | undefined;
  /** When the client leaves (ms); undefined when it stays. */
  readonly leavesAt: number | undefined;
  readonly deadlineAt: number;
}

const DOCUMENTS = [
  "1e400",
  " 12345678901234567890 ",
  '\ufeff{"a":\r\n[1,2,\n{"b":null}]}',
  '"\\ud83d\\ude00 \u2028"',
  "",
  "null",
  '{"__proto__":{"x":1}}',
];
const KINDS = ["upstream-error", "upstream-timeout", "upstream-refused"] as const;

function randomWorld(random: Random): World {
  const parts = random.list(1, 12, (index): Planned => ({
    name: `p${index}`,
    needs: Array.from({ length: index }, (_, need) => `p${need}`).filter(() => random.bool(0.25)),
    durationMs: random.int(0, 20),
    fails: random.bool(0.2) ? random.pick(KINDS) : undefined,
    optional: random.bool(0.6),
    bytes: random.pick(DOCUMENTS),
  }));
  return {
    parts: random.shuffle(parts),
    quorum: random.bool(0.3) ? random.int(1, parts.length) : undefined,
    leavesAt: random.bool(0.15) ? random.int(0, 60) : undefined,
    deadlineAt: random.bool(0.2) ? random.int(5, 60) : 10_000,
  };
}

/** When each part settles, and whether well, if nothing ends the whole. */
function settlements(parts: readonly Planned[]): Map<string, { at: number; isWell: boolean }> {
  const settled = new Map<string, { at: number; isWell: boolean }>();
  for (const part of parts.toSorted((a, b) => Number(a.name.slice(1)) - Number(b.name.slice(1)))) {
    const needs = part.needs.flatMap((need) => settled.get(need) ?? []);
    const failed = needs.filter(({ isWell }) => !isWell);
    if (failed.length > 0) {
      settled.set(part.name, { at: Math.min(...failed.map(({ at }) => at)), isWell: false });
    } else {
      const begun = Math.max(0, ...needs.map(({ at }) => at));
      settled.set(part.name, { at: begun + part.durationMs, isWell: part.fails === undefined });
    }
  }
  return settled;
}

/** When the model says that it is over, and whether well. */
function model({ parts, quorum, leavesAt = Infinity, deadlineAt }: World) {
  const settled = settlements(parts);
  const times = [...new Set([...settled.values()].map(({ at }) => at))].sort((a, b) => a - b);
  const ends = Math.min(leavesAt, deadlineAt);
  for (const now of times) {
    if (now >= ends) break;
    const by = parts.filter(({ name }) => (settled.get(name)?.at ?? Infinity) <= now);
    const failed = by.filter(({ name }) => !settled.get(name)?.isWell);
    if (quorum === undefined) {
      if (failed.some(({ optional }) => !optional)) return { at: now, isWell: false, settled };
    } else {
      const isWon = by.length - failed.length >= quorum;
      const isLost = parts.length - failed.length < quorum;
      // Both can come at the same moment: whichever comes first within it.
      if (isWon || isLost) return { at: now, isWell: isWon && isLost ? undefined : isWon, settled };
    }
  }
  const last = Math.max(0, ...times);
  if (last < ends) return { at: last, isWell: true, settled };
  return { at: ends, isWell: undefined, settled };
}

/** The world played on a manual clock. */
class Play {
  readonly clock = new ManualClock();
  readonly asked: string[] = [];
  inFlight = 0;
  readonly plan: GatherPlan;
  readonly ctx: Context;
  readonly #scope: Scope;

  constructor({ parts, quorum, leavesAt, deadlineAt }: World) {
    this.#scope = new Scope(new AbortController().signal);
    const end = (at: number, error: GatewayError) =>
      this.clock.sleep(at, this.#scope.signal).then(() => this.#scope.cancel(error), () => {});
    if (leavesAt !== undefined) end(leavesAt, new GatewayError("cancelled", "left"));
    end(deadlineAt, new GatewayError("deadline-exceeded", "late"));
    this.ctx = testContext({ signal: this.#scope.signal, deadline: deadlineAt });
    this.plan = new GatherPlan(parts.map((part) => this.#partOf(part)), {
      clock: this.clock,
      ...(quorum === undefined ? {} : { quorum }),
    });
  }

  /** Lets time pass until it is over; the time then. */
  async until(over: Promise<unknown>): Promise<number> {
    let endedAt: number | undefined;
    over.then(() => endedAt = this.clock.monotonic(), () => endedAt = this.clock.monotonic());
    await this.clock.advance(0);
    for (let step = 0; step < 400 && endedAt === undefined; step++) await this.clock.advance(1);
    assert(endedAt !== undefined, "it never ended");
    return endedAt;
  }

  /** Nothing runs, and no timer is left but those of the request itself. */
  assertOver(): void {
    assertEquals(this.inFlight, 0, "in flight");
    this.#scope.cancel(new GatewayError("cancelled", "over"));
    assertEquals(this.clock.sleeping, 0, "timers");
  }

  #partOf({ name, needs, durationMs, fails, optional, bytes }: Planned): GatherPart {
    const source: Source = async (_call, { signal }) => {
      this.asked.push(name);
      this.inFlight++;
      try {
        signal.throwIfAborted();
        await this.clock.sleep(durationMs, signal);
      } finally {
        this.inFlight--;
      }
      if (fails) throw new GatewayError(fails, "it failed");
      const body = Body.of(new TextEncoder().encode(bytes));
      return { status: 200, headers: new Headers(), body };
    };
    return { name, source, needs, optional, call: () => testCall({ path: `/${name}` }) };
  }
}

property(
  "a graph ends as the model says, with one outcome a part and nothing left",
  400,
  async (random) => {
    const world = randomWorld(random);
    const play = new Play(world);
    const reply = gather(play.plan)(testCall(), play.ctx);
    const endedAt = await play.until(reply);
    const { at, isWell, settled } = model(world);
    assertEquals(endedAt, at, "when it ended");
    play.assertOver();

    const names = world.parts.map(({ name }) => name);
    const outcomes = play.ctx.trace.parts;
    assertEquals(
      outcomes.map(({ part }) => part).toSorted(),
      names.toSorted(),
      "one outcome a part",
    );
    assertEquals(new Set(play.asked).size, play.asked.length, "asked once");
    for (const { name, needs } of world.parts) {
      if (needs.some((need) => settled.get(need)?.isWell === false)) {
        assert(!play.asked.includes(name), `${name} was asked without its input`);
      }
    }
    const { value, error } = await reply.then(
      (value) => ({ value, error: undefined }),
      (thrown) => ({ value: undefined, error: toGatewayError(thrown) }),
    );
    if (isWell !== undefined) assertEquals(value !== undefined, isWell);
    if (error) {
      assert(error.kind === "cancelled" || error.failures.length > 0);
      return;
    }
    const text = new TextDecoder().decode(await value?.body.bytes(Infinity));
    const { data, complete, problems = [] } = JSON.parse(text);
    const failed = problems.map(({ part }: { part: string }) => part);
    assertEquals(complete, world.quorum !== undefined || failed.length === 0);
    for (const { part, reply, error } of outcomes) {
      assertEquals(failed.includes(part), error !== undefined && error.kind !== "cancelled", part);
      assertEquals(part in data, reply !== undefined || failed.includes(part), part);
    }
  },
);

property("records say the same as the envelope, each on one line", 200, async (random) => {
  const world = randomWorld(random);
  const whole = new Play(world);
  const answer = gather(whole.plan)(testCall(), whole.ctx);
  await whole.until(answer);
  const expected = await answer.then(
    async ({ body }) => JSON.parse(new TextDecoder().decode(await body.bytes(Infinity))),
    () => undefined,
  );

  const told = new Play(world);
  const lines: string[] = [];
  const reading = (async () => {
    for await (const { line } of gatherRecords(told.plan, testCall(), told.ctx)) {
      lines.push(new TextDecoder().decode(line));
    }
  })();
  await told.until(reading);
  told.assertOver();
  await reading.catch(() => {});
  for (const line of lines) assert(!/[\r\n]/.test(line), line);
  const records = lines.map((line) => JSON.parse(line));
  const last = records.pop();
  assertEquals(last?.complete ?? false, expected?.complete ?? false);
  for (const { part, data, problem } of records) {
    if (problem || expected === undefined) continue;
    assertEquals(data, expected.data[part]);
  }
  if (expected) {
    const { data } = expected;
    const parts = records.filter(({ problem }) => !problem).map(({ part }) => part);
    for (const part of parts) assert(part in data);
  }
});

property("who stops reading records ends everything", 200, async (random) => {
  const world = { ...randomWorld(random), leavesAt: undefined, deadlineAt: 10_000 };
  const play = new Play(world);
  const records = gatherRecords(play.plan, testCall(), play.ctx);
  const reading = (async () => {
    let left = random.int(0, 3);
    for await (const _ of records) if (left-- === 0) break;
  })().catch(() => {});
  await play.until(reading);
  play.assertOver();
});
