import { assert, assertEquals } from "@std/assert";
import { Body } from "../../lib/body.ts";
import { GatewayError, toGatewayError } from "../../lib/errors.ts";
import { gather } from "../../lib/gather.ts";
import { type GatherPart, GatherPlan } from "../../lib/gather_plan.ts";
import { gatherRecords } from "../../lib/gather_records.ts";
import type { Inputs } from "../../lib/inputs.ts";
import { Scope } from "../../lib/scope.ts";
import type { Call, Context, Reply, Source } from "../../lib/source.ts";
import { functionSource } from "../../lib/transport/function.ts";
import { testCall, testContext } from "../support/context.ts";
import { countListeners } from "../support/count_listeners.ts";
import { ManualClock, settled } from "../support/manual_clock.ts";
import { property, type Random } from "../support/random.ts";

// Random graphs of parts, played on a manual clock beside a plain model of what must come of them.

/** How a question fails. */
interface Failing {
  readonly kind: GatewayError["kind"];
  readonly status: number;
}

/** What one question meets. */
interface Answering {
  readonly durationMs: number;
  /** Undefined: it succeeds. */
  readonly fails: Failing | undefined;
  /** What it answers then. */
  readonly document: string;
  /** Whether it goes on when its signal aborts, as a function that does not listen does. */
  readonly isDeaf: boolean;
  /** How long it takes to end when its signal aborts. */
  readonly lingersMs: number;
}

/** A part of a random graph. */
interface Planned {
  readonly name: string;
  readonly needs: readonly string[];
  readonly optional: boolean;
  readonly otherwise: unknown;
  readonly answering: Answering;
  /** Whether its question refers to what a part did not answer. */
  readonly isUnusable: boolean;
  /** The list that it is asked for, which the client's body or another part has. */
  readonly each: EachPlanned | undefined;
}

interface EachPlanned {
  /** The part with the list; undefined: the client's body. */
  readonly of: string | undefined;
  /** Whether it has one. */
  readonly hasList: boolean;
  readonly items: readonly unknown[];
  readonly concurrency: number;
  readonly max: number;
  /** By the item's JSON. */
  readonly answering: ReadonlyMap<string, Answering>;
}

interface World {
  /** In the order of the config. */
  readonly parts: readonly Planned[];
  /** The same, those first that need nothing. */
  readonly sorted: readonly Planned[];
  readonly quorum: number | undefined;
  readonly isFirst: boolean;
  readonly isStrict: boolean;
  /** When the request ends from without, and why. */
  readonly end: { readonly at: number; readonly kind: "cancelled" | "deadline-exceeded" };
}

// Worlds.

const FAILINGS: readonly Failing[] = [
  { kind: "upstream-error", status: 502 },
  { kind: "upstream-timeout", status: 504 },
  { kind: "upstream-refused", status: 451 },
  { kind: "overloaded", status: 503 },
  { kind: "internal", status: 500 },
];
const TOKENS = [
  "null",
  "true",
  "-0",
  "0.10",
  "1e400",
  "12345678901234567890",
  "1E+2",
  '""',
  '"\\u00e9\\ud83d\\ude00"',
  '"\\ud800"',
  '"\u2028\u2029\ufeff"',
  '"\\r\\n\\\\\\"\\/"',
  '"</script>}]"',
  '"data: x"',
];
const KEYS = ['"a"', '""', '"__proto__"', '"\\n"', '"constructor"', '"part"', '"é😀"'];
const SPACES = ["", "", "", " ", "\n", "\r\n", "\t", "\r"];

/** A JSON document as no two writers would write it. */
function randomDocument(random: Random, depth = 3): string {
  const space = () => random.pick(SPACES);
  const kind = random.int(0, depth > 0 ? 3 : 1);
  const inner = kind <= 1
    ? random.pick(TOKENS)
    : kind === 2
    ? `[${space()}${random.list(0, 3, () => randomDocument(random, depth - 1)).join(",")}]`
    : `{${
      random.list(0, 3, () => `${space()}${random.pick(KEYS)}:${randomDocument(random, depth - 1)}`)
        .join(",")
    }${space()}}`;
  return space() + inner + space();
}

function randomAnswer(random: Random): string {
  if (random.bool(0.1)) return "";
  return (random.bool(0.15) ? "\ufeff" : "") + randomDocument(random);
}

/** @param longestMs the longest that a question takes; long enough, and no two end at one time */
function randomAnswering(random: Random, longestMs: number, chance: number): Answering {
  return {
    durationMs: random.int(0, longestMs),
    fails: random.bool(chance) ? random.pick(FAILINGS) : undefined,
    document: randomAnswer(random),
    isDeaf: random.bool(0.2),
    lingersMs: random.bool(0.2) ? random.int(0, longestMs) : 0,
  };
}

function randomEach(
  random: Random,
  of: string | undefined,
  longestMs: number,
  chance: number,
): EachPlanned {
  const values = [1, "1", "é/..", { id: 7 }, [null], null, true, 1.5, "\ud83d"];
  const items = random.list(0, 7, () => random.pick(values.map((value) => ({ value }))).value);
  return {
    of,
    hasList: of === undefined || random.bool(0.95),
    items,
    concurrency: random.int(1, 4),
    // The client's own list would be refused before anything is asked.
    max: of !== undefined && random.bool(0.1) ? random.int(1, 3) : 7,
    answering: new Map(items.map((item) => [
      JSON.stringify(item),
      { ...randomAnswering(random, longestMs, chance), lingersMs: 0 },
    ])),
  };
}

function randomWorld(random: Random, longestMs: number): World {
  const chance = random.pick([0, 0.05, 0.3]);
  const isRace = random.bool(0.3);
  const sorted: Planned[] = [];
  const density = random.pick([0.1, 0.3, 0.7]);
  for (let index = random.int(1, 12); index > 0; index--) {
    const earlier = sorted.map(({ name }) => name);
    const needs = earlier.filter(() => random.bool(density));
    const isEach = random.bool(0.3);
    const lists = sorted.filter(({ name, each }) => needs.includes(name) && !each);
    const [list] = random.shuffle(lists);
    const each = isEach
      ? randomEach(random, random.bool(0.7) ? list?.name : undefined, longestMs, chance)
      : undefined;
    if (each?.of !== undefined) {
      // The part that is to have the list answers with it; what it answered so far, with nothing.
      const holder = sorted.findIndex(({ name }) => name === each.of);
      const held = sorted[holder];
      if (held) {
        const document = each.hasList ? JSON.stringify({ list: each.items }, null, 1) : "{}";
        if (sorted.some((other) => other.each?.of === each.of)) continue;
        sorted[holder] = { ...held, answering: { ...held.answering, document } };
      }
    }
    const optional = !isRace && random.bool(0.7);
    sorted.push({
      name: `${random.pick(["p", "_", "constructor", "toString"])}${index}`,
      needs,
      optional,
      otherwise: optional && random.bool(0.3) ? random.pick([[], 0, { a: "\n" }]) : undefined,
      answering: randomAnswering(random, longestMs, chance),
      isUnusable: needs.length > 0 && random.bool(chance / 5),
      each,
    });
  }
  const isEnded = random.bool(0.3);
  const quorum = isRace ? random.int(1, sorted.length) : undefined;
  return {
    parts: random.shuffle(sorted),
    sorted,
    quorum,
    isFirst: quorum === 1,
    isStrict: random.bool(0.15),
    end: {
      at: isEnded ? random.int(0, longestMs * 4) : longestMs * 1000 + 1,
      kind: random.pick(["cancelled", "deadline-exceeded"]),
    },
  };
}

const isRequired = (world: World, part: Planned) =>
  world.quorum !== undefined || world.isStrict || !part.optional;

// The model.

/** What comes of a part that nothing ends from without. */
interface Fate {
  readonly name: string;
  readonly begun: number | undefined;
  readonly at: number;
  /** Undefined: it succeeds. */
  readonly fails: Failing | undefined;
  /** Of an each: the items that fail. */
  readonly indexes: readonly number[];
  /** What it answers, as JSON; the documents stand in it as they came. */
  readonly document: string;
  /** From when to when each of its questions is under way; longer when it is aborted. */
  readonly runs: readonly Run[];
}

interface Run {
  readonly from: number;
  readonly to: number;
  readonly lingersMs: number;
}

const within = (document: string) => document === "" ? "null" : document.replace(/^\ufeff/, "");

function fatesOf(world: World): Map<string, Fate> {
  const fates = new Map<string, Fate>();
  for (const part of world.sorted) fates.set(part.name, fateOf(world, part, fates));
  return fates;
}

function fateOf(world: World, part: Planned, fates: ReadonlyMap<string, Fate>): Fate {
  const { name } = part;
  const nothing = { name, begun: undefined, indexes: [], document: "", runs: [] };
  const needs = part.needs.flatMap((need) => fates.get(need) ?? []);
  const [failed] = needs.filter(({ fails }) => fails).sort((a, b) => a.at - b.at);
  if (failed?.fails) {
    return { ...nothing, at: failed.at, fails: { ...failed.fails, kind: "input-failed" } };
  }
  const begun = Math.max(0, ...needs.map(({ at }) => at));
  const invalid = { ...nothing, at: begun, fails: { kind: "input-invalid", status: 502 } } as const;
  if (!part.each) {
    if (part.isUnusable) return invalid;
    const { durationMs, fails, document, isDeaf, lingersMs } = part.answering;
    const at = begun + durationMs;
    const runs = [{ from: begun, to: at, lingersMs: isDeaf ? 0 : lingersMs }];
    return { name, begun, at, fails, indexes: [], document, runs };
  }
  const { hasList, items, max } = part.each;
  if (!hasList) return invalid;
  if (items.length > max) return { ...invalid, fails: { kind: "too-many-items", status: 502 } };
  return eachFate(part, part.each, begun, isRequired(world, part));
}

/** Items one after the other, wherever a place is free. */
function eachFate(part: Planned, each: EachPlanned, begun: number, isStrict: boolean): Fate {
  const free = Array.from({ length: each.concurrency }, () => begun);
  const keys = [...new Set(each.items.map((item) => JSON.stringify(item)))];
  const runs = new Map<string, Run & { readonly fails: Failing | undefined }>();
  for (const key of keys) {
    const answering = each.answering.get(key);
    assert(answering);
    free.sort((a, b) => a - b);
    const from = free[0] ?? begun;
    const isAsked = !part.isUnusable;
    const to = from + (isAsked ? answering.durationMs : 0);
    const fails = isAsked ? answering.fails : { kind: "input-invalid", status: 502 } as const;
    runs.set(key, { from, to, lingersMs: 0, fails });
    free[0] = to;
  }
  const failed = [...runs].filter(([, { fails }]) => fails).sort(([, a], [, b]) => a.to - b.to);
  const [first] = failed;
  const indexesOf = (keys: readonly string[]) =>
    [...each.items.keys()].filter((index) => keys.includes(JSON.stringify(each.items[index])));
  const { name } = part;
  if (isStrict && first) {
    const [key, { to: at, fails }] = first;
    const indexes = indexesOf([key]);
    const kept = [...runs.values()].filter(({ from }) => from < at);
    return { name, begun, at, fails, indexes, document: "", runs: kept };
  }
  const documents = each.items.map((item) => {
    const key = JSON.stringify(item);
    if (runs.get(key)?.fails) return "null";
    return within(each.answering.get(key)?.document ?? "");
  });
  return {
    name,
    begun,
    at: Math.max(begun, ...[...runs.values()].map(({ to }) => to)),
    fails: undefined,
    indexes: indexesOf(failed.map(([key]) => key)),
    document: `[${documents.join(",")}]`,
    runs: [...runs.values()],
  };
}

/** What must come of a world in which no two things happen at one time. */
interface Verdict {
  /** When it is decided, by its parts or from without. */
  readonly at: number;
  /** When all that ran has ended. */
  readonly endedAt: number;
  readonly isWell: boolean;
  /** What the whole fails with. */
  readonly status: number | undefined;
  readonly isEndedFromWithout: boolean;
  /** What had settled by then, in its order. */
  readonly settled: readonly Fate[];
  /** Whether several things come at that moment, and chance decides which is the first. */
  readonly isTied: boolean;
}

/** Whether a part fails because another did. */
const isForWant = ({ fails }: Fate) => fails?.kind === "input-failed";

/** Whether a part settles as soon as what it needs is there. */
const isAtOnce = ({ begun, at }: Fate) => begun === undefined || begun === at;

/** When all that runs at a time has ended, if it is ended then. */
function endedBy(at: number, fates: readonly Fate[]): number {
  const runs = fates.flatMap(({ runs }) => runs).filter(({ from, to }) => from < at && to > at);
  return Math.max(at, ...runs.map(({ lingersMs }) => at + lingersMs));
}

/** Whether a part that settles at once does so while others settle, or are first asked. */
function isTiedAt(at: number, fates: readonly Fate[]): boolean {
  const atOnce = fates.filter((fate) => fate.at === at && !isForWant(fate) && isAtOnce(fate));
  const areAsked = fates.flatMap(({ runs }) => runs).some(({ from }) => from === at);
  return atOnce.length > (areAsked ? 0 : 1);
}

function verdictOf(world: World, fates: ReadonlyMap<string, Fate>): Verdict {
  const { quorum, parts, end } = world;
  const inTime = [...fates.values()].sort((a, b) => a.at - b.at);
  let [succeeded, failed] = [0, 0];
  for (const [index, fate] of inTime.entries()) {
    const { name, at, fails } = fate;
    if (at >= end.at) break;
    fails ? failed++ : succeeded++;
    const part = parts.find((part) => part.name === name);
    assert(part);
    const isLost = fails &&
      (quorum === undefined ? isRequired(world, part) : parts.length - failed < quorum);
    if (!isLost && succeeded !== quorum) continue;
    const after = inTime.slice(index + 1).filter((other) => other.at === at);
    return {
      at,
      endedAt: endedBy(at, inTime),
      isWell: !isLost,
      status: fails?.status,
      isEndedFromWithout: false,
      settled: [...inTime.slice(0, index + 1), ...fails ? after.filter(isForWant) : []],
      isTied: at === 0 || isTiedAt(at, inTime),
    };
  }
  const last = inTime.at(-1)?.at ?? 0;
  if (last < end.at) {
    return {
      at: last,
      endedAt: last,
      isWell: true,
      status: undefined,
      isEndedFromWithout: false,
      settled: inTime,
      isTied: false,
    };
  }
  // What has not settled fails then; but an each that may lack items answers with those it has.
  const lost = inTime.filter(({ at }) => at >= end.at).filter(({ name, begun = Infinity }) => {
    const part = parts.find((part) => part.name === name);
    return part && isRequired(world, part) && !(part.each && begun < end.at && part.optional &&
      !world.isStrict);
  });
  const isWell = end.kind === "deadline-exceeded" && lost.length === 0;
  const status = end.kind === "cancelled" ? 499 : 504;
  return {
    at: end.at,
    endedAt: endedBy(end.at, inTime),
    isWell,
    status,
    isEndedFromWithout: true,
    settled: inTime.filter(({ at }) => at < end.at),
    isTied: false,
  };
}

// The play.

/** What is under way at one time. */
interface Left {
  readonly at: number;
  readonly inFlight: number;
  /** On the request's signal. */
  readonly listeners: number;
  readonly timers: number;
}

/** A world on a manual clock. */
class Play {
  readonly clock = new ManualClock();
  /** What was asked: a part's name, and the item. */
  readonly asked: string[] = [];
  readonly plan: GatherPlan;
  readonly ctx: Context;
  readonly call: Call;
  readonly listeners: { readonly count: number };
  /** How many questions are under way for the gateway, and when the last one ended. */
  inFlight = 0;
  lastEndedAt = 0;
  /** When the last record was taken. */
  toldAt: number | undefined;
  readonly #world: World;
  readonly #fates: ReadonlyMap<string, Fate>;
  readonly #scope: Scope;
  /** How many functions that do not listen go on. */
  #deaf = 0;

  constructor(world: World, fates: ReadonlyMap<string, Fate>) {
    this.#world = world;
    this.#fates = fates;
    this.#scope = new Scope(new AbortController().signal);
    const { at, kind } = world.end;
    this.#scope.cancelAfter(at, this.clock, () => new GatewayError(kind, "over"));
    this.ctx = testContext({ signal: this.#scope.signal, deadline: at });
    this.listeners = countListeners(this.ctx.signal);
    const lists = Object.fromEntries(
      world.parts.flatMap(({ name, each }) => each ? [[name, each.items]] : []),
    );
    this.call = testCall({
      headers: new Headers(world.isStrict ? { prefer: "handling=strict" } : {}),
      body: Body.of(new TextEncoder().encode(JSON.stringify({ lists }))),
    });
    this.plan = new GatherPlan(world.parts.map((part) => this.#partOf(part)), {
      clock: this.clock,
      readsBody: 10_000,
      ...(world.quorum === undefined ? {} : { quorum: world.quorum }),
    });
  }

  /** Lets time pass until it is over, when nothing may be left; the time then. */
  async until(over: Promise<unknown>): Promise<number> {
    let left: Left | undefined;
    const see = () => left = this.#left();
    over.then(see, see);
    await settled();
    for (let turn = 0; turn < 9 && left === undefined; turn++) await this.clock.advance(2 ** 46);
    assert(left !== undefined, "it never ended");
    const { at, ...still } = left;
    assertEquals(still, { inFlight: 0, listeners: 0, timers: 0 });
    this.#scope[Symbol.dispose]();
    return at;
  }

  /** What is under way, save what belongs to the request itself, and functions that do not listen. */
  #left(): Left {
    const own = this.ctx.signal.aborted ? 0 : 1;
    return {
      at: this.clock.monotonic(),
      inFlight: this.inFlight,
      listeners: this.listeners.count,
      timers: this.clock.sleeping - own - this.#deaf,
    };
  }

  /** Every part has ended once, and was asked if, and only if, what it needs was there. */
  assertOutcomes(): void {
    const { parts } = this.#world;
    const { trace } = this.ctx;
    const ended = trace.parts.map(({ part }) => part);
    const names = parts.map(({ name }) => name);
    assertEquals(ended.toSorted(), names.toSorted(), "one outcome a part");
    for (const { reply, error } of trace.parts) assert((reply === undefined) !== (!error));
    assertEquals(new Set(this.asked).size, this.asked.length, "nothing is asked twice");
    for (const { name, needs } of parts) {
      const failed = needs.filter((need) =>
        trace.parts.some(({ part, error }) => part === need && error)
      );
      const isAsked = this.asked.some((asked) => asked.startsWith(`${name} `));
      assert(failed.length === 0 || !isAsked, `${name} was asked without ${failed}`);
    }
  }

  #partOf(part: Planned): GatherPart {
    const { name, needs, optional, otherwise, each } = part;
    const listed: Source = (call, ctx) => this.#answer(part, call, ctx);
    return {
      name,
      needs,
      optional,
      otherwise,
      source: listed,
      call: (inputs) => this.#question(part, inputs),
      ...(each && {
        each: {
          items: each.of === undefined
            ? { name: "body", reference: { from: "body", path: ["lists", name] } }
            : {
              name: each.of,
              reference: { from: "param or part", name: each.of, path: ["list"] },
            },
          concurrency: each.concurrency,
          max: each.max,
        },
      }),
    };
  }

  /** Checks on the way that the question is made of what the parts answered. */
  #question({ name, needs, isUnusable, each }: Planned, inputs: Inputs): Call {
    const [first = ""] = needs;
    const of = (name: string, path: readonly string[]) =>
      inputs.get({ from: "param or part", name, path });
    const isTrial = first !== "" && of(first, []) === "x";
    if (isUnusable) of(first, ["no", "such"]);
    for (const need of isTrial ? [] : needs) {
      const { document = "" } = this.#fates.get(need) ?? {};
      if (this.ctx.signal.aborted) break;
      assertEquals(JSON.stringify(of(need, [])), JSON.stringify(JSON.parse(within(document))));
    }
    const item = each ? inputs.get({ from: "item", path: [] }) : undefined;
    return testCall({ path: `/${name}`, params: { item: JSON.stringify(item) ?? "" } });
  }

  async #answer(part: Planned, { params = {} }: Call, ctx: Context): Promise<Reply> {
    const { item = "" } = params;
    this.asked.push(`${part.name} ${item}`);
    const answering = part.each ? part.each.answering.get(item) : part.answering;
    assert(answering, `nobody knows ${item}`);
    this.inFlight++;
    try {
      const ask = answering.isDeaf
        ? functionSource(this.#deafly(answering))
        : this.#well(answering);
      return await ask(testCall(), ctx);
    } finally {
      this.inFlight--;
      this.lastEndedAt = this.clock.monotonic();
    }
  }

  #deafly(answering: Answering): Source {
    return async () => {
      this.#deaf++;
      await this.clock.sleep(answering.durationMs);
      this.#deaf--;
      return replyOf(answering);
    };
  }

  #well(answering: Answering): Source {
    return async (_call, { signal }) => {
      try {
        signal.throwIfAborted();
        await this.clock.sleep(answering.durationMs, signal);
      } catch (error) {
        if (answering.lingersMs > 0) await this.clock.sleep(answering.lingersMs);
        throw error;
      }
      return replyOf(answering);
    };
  }
}

function replyOf({ fails, document }: Answering): Reply {
  if (fails?.kind === "internal") throw new TypeError("postgres://secret");
  if (fails) throw new GatewayError(fails.kind, "it failed", { status: fails.status });
  const body = Body.of(new TextEncoder().encode(document));
  return { status: 200, headers: new Headers(), body };
}

// What must hold.

const textOf = (bytes: Uint8Array) =>
  new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

type Told = readonly (readonly [part: string, index: number | undefined])[];

const byName = (told: Told) => told.map(([part, index]) => `${part} ${index ?? ""}`).toSorted();

/** The parts, and the items, that had failed by then: by themselves, or for want of what they need. */
const failedIn = (settled: readonly Fate[]): Told => settled.flatMap(failuresOf);

function failuresOf({ name, fails, indexes }: Fate): Told {
  if (indexes.length > 0) return indexes.map((index) => [name, index] as const);
  return fails ? [[name, undefined]] : [];
}

async function outcomeOf(promise: Promise<Reply>) {
  try {
    return { reply: await promise };
  } catch (error) {
    assert(error instanceof GatewayError, String(error));
    return { error };
  }
}

/**
 * Whether a part, or one that it needs, is a list that may lack items: that answers at the deadline
 * with those it has, and what comes of it is needed no longer.
 */
function mayLack(world: World, name: string): boolean {
  const part = world.parts.find((part) => part.name === name);
  return part !== undefined &&
    (part.each !== undefined && part.optional || part.needs.some((need) => mayLack(world, need)));
}

/** Every part that had not answered must be told, and no other. */
function assertFailure(world: World, fates: ReadonlyMap<string, Fate>, error: GatewayError): void {
  const verdict = verdictOf(world, fates);
  assertEquals(error.status, verdict.status);
  const decisive = verdict.settled.filter(({ at, fails }) => at === verdict.at && fails);
  const told = error.failures.map(({ part, index }) => [part, index] as const);
  assert(!JSON.stringify(error.message).includes("secret"));
  if (!verdict.isEndedFromWithout) {
    assert(decisive.some(({ fails }) => fails?.kind === error.kind), error.kind);
    assertEquals(byName(told), byName(failedIn(verdict.settled)));
    return;
  }
  const before = failedIn(verdict.settled);
  if (world.end.kind === "cancelled") {
    assertEquals(error.kind, "cancelled");
    assertEquals(byName(told), byName(before));
    return;
  }
  assert(["deadline-exceeded", "input-failed"].includes(error.kind), error.kind);
  for (const [name, index] of before) assert(byName(told).includes(`${name} ${index ?? ""}`));
  const names = new Set(told.map(([part]) => part));
  for (const { name, at } of fates.values()) {
    if (at >= verdict.at) assert(names.has(name) || mayLack(world, name), `${name} is not told`);
    else assertEquals(names.has(name), before.some(([part]) => part === name), name);
  }
}

function assertEnvelope(world: World, fates: ReadonlyMap<string, Fate>, text: string): void {
  const verdict = verdictOf(world, fates);
  const { data, complete, problems = [] } = JSON.parse(text);
  const told: Told = problems.map((problem: { part: string; index?: number }) =>
    [problem.part, problem.index] as const
  );
  if (verdict.isEndedFromWithout) {
    const before = byName(failedIn(verdict.settled));
    for (const failed of before) assert(byName(told).includes(failed), failed);
    assertEquals(complete, false);
  } else {
    assertEquals(byName(told), byName(failedIn(verdict.settled)));
    assertEquals(complete, world.quorum !== undefined || told.length === 0);
  }
  if (world.isFirst) {
    const winner = verdict.settled.find(({ fails }) => !fails);
    assert(winner);
    assertEquals(text.startsWith(`{"data":${within(winner.document)},"complete":true`), true);
    return;
  }
  const members: string[] = [];
  for (const { name, otherwise } of world.parts) {
    const fate = fates.get(name);
    assert(fate);
    const isSettled = verdict.settled.includes(fate);
    if (isSettled && !fate.fails) {
      members.push(`${JSON.stringify(name)}:${within(fate.document)}`);
    } else if (fate.fails && isSettled) {
      members.push(`${JSON.stringify(name)}:${JSON.stringify(otherwise ?? null)}`);
    } else if (verdict.isEndedFromWithout) {
      assert(Object.hasOwn(data, name), name);
      assert(told.some(([part]) => part === name), name);
      members.push(`${JSON.stringify(name)}:`);
    } else {
      assert(!Object.hasOwn(data, name), `${name} was cancelled`);
    }
  }
  if (!verdict.isEndedFromWithout) {
    assert(text.startsWith(`{"data":{${members.join(",")}},"complete":${complete}`), text);
  } else {
    for (const member of members) assert(text.includes(member), member);
    assertEquals(Object.keys(data).length, world.parts.length);
  }
}

/** So long that no two of a world's moments are one. */
const NEVER_TWICE_MS = 2 ** 40;

property("a graph comes to what the model says, when it says it", 1500, async (random) => {
  const world = randomWorld(random, NEVER_TWICE_MS);
  const fates = fatesOf(world);
  const verdict = verdictOf(world, fates);
  const play = new Play(world, fates);
  const answer = gather(play.plan, { isFirst: world.isFirst })(play.call, play.ctx);
  const endedAt = await play.until(answer);
  play.assertOutcomes();
  if (verdict.isTied) return;
  assertEquals(endedAt, verdict.endedAt, "when it ended");
  const { reply, error } = await outcomeOf(answer);
  assertEquals(reply !== undefined, verdict.isWell, error?.message);
  if (error) return assertFailure(world, fates, error);
  const text = textOf(await reply.body.bytes(Infinity));
  assertEnvelope(world, fates, text);
  assertEquals(reply.headers.get("gateway-complete"), `?${Number(JSON.parse(text).complete)}`);
});

/** What a gather tells, record by record; between them its reader takes its time. */
async function read(play: Play, everyMs: number, lines: string[], most = Infinity): Promise<void> {
  for await (const { event, line } of gatherRecords(play.plan, play.call, play.ctx)) {
    const text = textOf(line);
    lines.push(text);
    play.toldAt = play.clock.monotonic();
    const { complete, problem } = JSON.parse(text);
    assertEquals(event, complete !== undefined ? "done" : problem ? "problem" : "part");
    assert(!/[\r\n]/.test(text), text);
    if (lines.length >= most) return;
    if (everyMs > 0) await play.clock.sleep(everyMs);
  }
}

property("records tell what the model says, each in its time", 1500, async (random) => {
  const world = randomWorld(random, NEVER_TWICE_MS);
  const fates = fatesOf(world);
  const verdict = verdictOf(world, fates);
  const play = new Play(world, fates);
  const lines: string[] = [];
  const everyMs = random.bool(0.3) ? random.int(1, NEVER_TWICE_MS) : 0;
  const reading = read(play, everyMs, lines);
  const endedAt = await play.until(reading);
  play.assertOutcomes();
  if (verdict.isTied) return;
  // Whoever reads, and however slowly: what runs ends as soon as it is decided.
  assert(play.lastEndedAt <= verdict.endedAt, "when the last question ended");
  if (everyMs === 0) assertEquals(endedAt, verdict.endedAt, "when it ended");

  const { settled } = verdict;
  const error = await reading.then(() => undefined, toGatewayError);
  const isDecidedFirst = !verdict.isWell &&
    settled.every(({ at, fails }) => at === verdict.at && fails);
  if (error) {
    assertEquals(lines, []);
    return assertFailure(world, fates, error);
  }
  assert(!isDecidedFirst || world.end.kind === "deadline-exceeded", "it is told too late");
  const documents = lines.map((line) => JSON.parse(line));
  const done = documents.pop();
  assertEquals(documents.filter(({ complete }) => complete !== undefined), []);
  const expected = settled.flatMap(({ name, fails, indexes, document }) => [
    ...fails
      ? [`problem ${name} `]
      : [`part ${name} ${JSON.stringify(JSON.parse(within(document)))}`],
    ...fails ? [] : indexes.map((index) => `problem ${name} ${index}`),
  ]);
  const told = documents.map(({ part, index, data, problem }) =>
    problem ? `problem ${part} ${index ?? ""}` : `part ${part} ${JSON.stringify(data)}`
  );
  // Those that fail for want of one and the same come together.
  assertEquals(told.slice(0, expected.length).toSorted(), expected.toSorted());
  const late = documents.slice(expected.length).filter(({ problem }) => problem);
  if (verdict.isEndedFromWithout) {
    for (const { index, problem } of late) {
      // An item may have failed before, and is told when its list is.
      if (index === undefined) assertEquals(problem.status, 504);
    }
    assertEquals(late.length > 0, world.end.kind === "deadline-exceeded");
  } else {
    assertEquals(told.length, expected.length);
  }
  assertEquals(done.problem !== undefined, !verdict.isWell);
  if (!verdict.isWell) assertEquals([done.complete, done.problem.status], [false, verdict.status]);
  for (const { name, fails, document } of settled) {
    const line = `{"part":${JSON.stringify(name)},"data":${within(document)}}`;
    if (!fails) assert(lines.includes(line.replaceAll(/[\r\n]/g, " ")), line);
  }
});

property("who stops reading records ends everything", 500, async (random) => {
  const world = randomWorld(random, NEVER_TWICE_MS);
  const fates = fatesOf(world);
  const play = new Play(world, fates);
  const lines: string[] = [];
  const reading = read(play, 0, lines, random.int(1, 4)).catch(() => {});
  const endedAt = await play.until(reading);
  play.assertOutcomes();
  const verdict = verdictOf(world, fates);
  if (verdict.isTied || play.toldAt === undefined) return;
  const isEarly = play.toldAt < verdict.at;
  // What needed the part of the last record has just been asked.
  const latest = isEarly ? endedBy(play.toldAt + 1, [...fates.values()]) : verdict.endedAt;
  assert(endedAt <= latest, "when it ended");
});

property("what comes at one and the same time leaves nothing behind", 1500, async (random) => {
  const world = randomWorld(random, random.pick([0, 1, 3]));
  const fates = fatesOf(world);
  const play = new Play(world, fates);
  const answer = gather(play.plan, { isFirst: world.isFirst })(play.call, play.ctx);
  await play.until(answer);
  play.assertOutcomes();
  const { reply, error } = await outcomeOf(answer);
  const { parts } = play.ctx.trace;
  const failed = parts.filter(({ error }) => error && error.kind !== "cancelled");
  const failures = new Set((error?.failures ?? []).map(({ part }) => part));
  if (error) return assertEquals([...failures].length >= failed.length, true);
  const { data, complete, problems = [] } = JSON.parse(textOf(await reply.body.bytes(Infinity)));
  const told = new Set(problems.map(({ part }: { part: string }) => part));
  for (const { part } of failed) assert(told.has(part), part);
  assertEquals(complete, world.quorum !== undefined || problems.length === 0);
  const succeeded = parts.filter(({ reply }) => reply).map(({ part }) => part);
  if (world.quorum !== undefined) assertEquals(succeeded.length, world.quorum);
  if (!world.isFirst) {
    assertEquals(
      Object.keys(data).toSorted(),
      [...succeeded, ...failed.map(({ part }) => part)].toSorted(),
    );
  }
});
