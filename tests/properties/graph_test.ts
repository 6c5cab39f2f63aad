import { assert, assertEquals } from "@std/assert";
import { GatewayError, toGatewayError } from "../../lib/core/errors.ts";
import { gather } from "../../lib/gather/gather.ts";
import { gatherRecords } from "../../lib/gather/gather_records.ts";
import type { Reply } from "../../lib/core/source.ts";
import { property } from "../support/random.ts";
import { endedBy, type Fate, fatesOf, verdictOf, within } from "./graph_model.ts";
import { Play } from "./graph_play.ts";
import { randomWorld, type World } from "./graph_world.ts";

// Random graphs of parts, played on a manual clock beside a plain model of what must come of them.

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
    if (at >= verdict.at) assert(names.has(name), `${name} is not told`);
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
