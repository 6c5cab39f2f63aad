import { assert, assertEquals } from "@std/assert";
import type { BucketLevel, BucketShape } from "../../lib/limiter/bucket.ts";
import type { Commit, Process, Request, World } from "./limiter_world.ts";

/** Something that a client was let do. */
interface Admission {
  readonly at: number;
  readonly units: number;
}

/** What a limiter promises, each under the name by which a failure is known. */
export const PROMISES = {
  "an ideal bucket would have had every token that was let out": idealBucketHolds,
  "no window lets out more than burst + rate x (window + skew)": everyWindowHolds,
  "a level is what was there, less what was let out, and what came back": nothingIsMintedOrLost,
  "all charges of a request are taken in one commit, or none": allOrNothing,
  "every request has one answer": oneAnswer,
  "an early request is not overtaken by a later one": firstComeFirstServed,
  "nobody waits past a limit's wait or a deadline": nobodyWaitsTooLong,
  "nothing is left when all is over": nothingIsLeft,
} as const satisfies Record<string, (world: World) => void>;

/** The name of a promise. */
export type PromiseName = keyof typeof PROMISES;

/**
 * What can be seen of them where tokens are leased: a commit does not say what it leases. An ideal
 * bucket holds just where every window does, and is sooner asked.
 */
export const LEASED_PROMISES: readonly PromiseName[] = [
  "an ideal bucket would have had every token that was let out",
  "every request has one answer",
  "nobody waits past a limit's wait or a deadline",
  "nothing is left when all is over",
];

/** Fails with the name of the first promise that did not hold. */
export function checkPromises(world: World, names?: readonly PromiseName[]): void {
  for (const [name, check] of Object.entries(PROMISES)) {
    if (names?.some((promise) => promise === name) === false) continue;
    try {
      check(world);
    } catch (error) {
      throw new Error(`${name}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
  }
}

function idealBucketHolds(world: World): void {
  for (const [key, { admissions, shape }] of admissionsOf(world)) {
    const full = shape.capacity + shape.perMs * world.scenario.skewMs;
    let level = full;
    let last = 0;
    for (const { at, units } of admissions) {
      level = Math.min(full, level + (at - last) * shape.perMs) - units;
      last = at;
      assert(level >= 0, `${key} was ${-level} units short at ${at}`);
    }
  }
}

function everyWindowHolds(world: World): void {
  for (const [key, { admissions, shape: { capacity, perMs } }] of admissionsOf(world)) {
    for (const [index, { at: from }] of admissions.entries()) {
      let sum = 0;
      for (const { at, units } of admissions.slice(index)) {
        sum += units;
        const most = capacity + perMs * (at - from + world.scenario.skewMs);
        assert(sum <= most, `${key} let out ${sum} units from ${from} to ${at}, not ${most}`);
      }
    }
  }
}

/** What was let out for good under one promise, by key and promise, in the order of true time. */
function admissionsOf(
  { requests, resets }: World,
): Map<string, { shape: BucketShape; admissions: Admission[] }> {
  const found = new Map<string, { shape: BucketShape; admissions: Admission[] }>();
  for (const { charges, admittedAt, returned, commit } of requests) {
    if (admittedAt === undefined) continue;
    for (const { key, tokens, limit: { shape } } of charges) {
      if (returned.has(key)) continue;
      // What a lease paid has no place: no lease outlives a reset.
      const place = commit?.writes.some((write) => write.key === key) ? commit.place : undefined;
      const before = resets.filter((reset) =>
        reset.key === key && (place === undefined ? reset.at <= admittedAt : reset.place < place)
      );
      const promise = `${key} after ${before.length} resets`;
      const ofPromise = found.get(promise) ?? { shape, admissions: [] };
      ofPromise.admissions.push({ at: admittedAt, units: tokens * shape.perToken });
      found.set(promise, ofPromise);
    }
  }
  for (const { admissions } of found.values()) admissions.sort((a, b) => a.at - b.at);
  return found;
}

/** Follows every level through all commits that held, beside a bucket of its own. */
function nothingIsMintedOrLost(world: World): void {
  const { scenario: { skewMs, troubles, maxBuckets }, commits } = world;
  // Who leaves in between, and what is forgotten, is not seen from outside.
  const isExact = troubles.leave === 0 && maxBuckets > 1;
  const shapes = shapesOf(world);
  const returns = returnsOf(world);
  const takes = takesOf(world);
  const left = leftBehind(world);
  const held = commits.filter(({ place }) => place !== undefined)
    .sort((a, b) => (a.place ?? 0) - (b.place ?? 0));
  for (const commit of held) {
    for (const { key, level } of commit.writes) {
      const shape = shapes.get(key);
      assert(shape, `${key} is nobody's`);
      if (commit.isOperators) continue;
      const before = commit.before?.get(key) ?? { units: shape.capacity, at: commit.wall };
      const filled = fill(before, shape, commit.wall, skewMs);
      assertEquals(level.at, filled.at, `${key}: the time of the level`);
      let expected = filled.units;
      for (const { tokens, takenAt, resetAt } of returns.get(commit)?.get(key) ?? []) {
        if (resetAt !== level.resetAt) continue;
        const worth = tokens * shape.perToken - (commit.at - takenAt) * shape.perMs;
        expected = Math.min(shape.capacity, expected + Math.max(0, worth));
      }
      const taken = takes.get(commit)?.get(key) ?? 0;
      expected -= taken * shape.perToken;
      if (commit.outcome === "held" && isExact) {
        assertEquals(level.units, expected, `${key} at ${commit.at}`);
        assert(taken > 0, `${key} was written at ${commit.at} for nobody`);
      }
      // Whoever left while being decided gives back later: at most as much, and once.
      const extra = level.units - expected;
      const budget = left.get(commit.process)?.get(key) ?? 0;
      assert(extra <= budget, `${key} at ${commit.at}: ${extra} units from nowhere`);
      if (extra > 0) left.get(commit.process)?.set(key, budget - extra);
      assert(level.units >= 0 && level.units <= shape.capacity, `${key}: out of bounds`);
    }
  }
}

/** Filling, written down a second time. */
function fill(before: BucketLevel, shape: BucketShape, wall: number, skewMs: number): BucketLevel {
  if (wall <= before.at) return { units: before.units, at: Math.min(before.at, wall + skewMs) };
  const more = (wall - before.at) * shape.perMs;
  return { units: Math.min(shape.capacity, before.units + more), at: wall };
}

function shapesOf({ requests }: World): Map<string, BucketShape> {
  const charges = requests.flatMap(({ charges }) => charges);
  return new Map(charges.map(({ key, limit: { shape } }) => [key, shape]));
}

type ByCommit<T> = Map<Commit, Map<string, T>>;

/** Tokens let out, by commit and key. */
function takesOf({ requests }: World): ByCommit<number> {
  const takes: ByCommit<number> = new Map();
  for (const { commit, charges } of requests) {
    if (!commit) continue;
    const ofCommit = takes.get(commit) ?? new Map<string, number>();
    takes.set(commit, ofCommit);
    for (const { key, tokens } of charges) ofCommit.set(key, (ofCommit.get(key) ?? 0) + tokens);
  }
  return takes;
}

interface ReturnedTokens {
  readonly tokens: number;
  readonly takenAt: number;
  readonly resetAt: number | undefined;
}

/** Tokens that came back, by the first commit of their process that did not merely conflict. */
function returnsOf({ requests, commits }: World): ByCommit<ReturnedTokens[]> {
  const returns: ByCommit<ReturnedTokens[]> = new Map();
  for (const { process, charges, returned, commit: taking } of requests) {
    for (const { key, tokens } of charges) {
      const since = returned.get(key);
      if (since === undefined || !taking) continue;
      const carrier = commits.slice(since).find((commit) =>
        commit.process === process && !commit.isOperators && commit.outcome !== "conflict" &&
        commit.writes.some((write) => write.key === key)
      );
      if (!carrier) continue;
      const ofCommit = returns.get(carrier) ?? new Map<string, ReturnedTokens[]>();
      returns.set(carrier, ofCommit);
      const { resetAt } = taking.writes.find((write) => write.key === key)?.level ?? {};
      ofCommit.set(key, [...ofCommit.get(key) ?? [], { tokens, takenAt: taking.at, resetAt }]);
    }
  }
  return returns;
}

/** Units of those who left before there was an answer, by process and key. */
function leftBehind({ requests }: World): Map<Process, Map<string, number>> {
  const left = new Map<Process, Map<string, number>>();
  for (const { process, charges, leftAt } of requests) {
    if (leftAt === undefined) continue;
    const ofProcess = left.get(process) ?? new Map<string, number>();
    left.set(process, ofProcess);
    for (const { key, tokens, limit: { shape } } of charges) {
      ofProcess.set(key, (ofProcess.get(key) ?? 0) + tokens * shape.perToken);
    }
  }
  return left;
}

function allOrNothing({ requests }: World): void {
  for (const { order, decision, commit, charges } of requests) {
    if (decision?.outcome !== "admitted") continue;
    assert(commit, `request ${order} was admitted by several commits, or by none`);
    for (const { key } of charges) {
      assert(commit.writes.some((write) => write.key === key), `request ${order} paid no ${key}`);
    }
  }
}

function oneAnswer({ requests }: World): void {
  for (const { order, process, answers, decision, leftAt } of requests) {
    if (!process.isAlive) continue;
    assertEquals(answers, 1, `answers to request ${order}`);
    assert(decision || leftAt !== undefined, `request ${order} failed`);
  }
}

/** Whoever passes one that waits must leave its tokens in the bucket. */
function firstComeFirstServed({ requests }: World): void {
  for (const later of requests) {
    const { commit, settledAt = Infinity, process } = later;
    if (!commit) continue;
    for (const { key, limit: { shape } } of later.charges) {
      const ahead = requests.slice(0, later.order).filter((earlier) =>
        earlier.process === process && endOf(earlier) > settledAt &&
        earlier.charges.some((charge) => charge.key === key)
      );
      const owed = ahead.flatMap(({ charges }) => charges)
        .filter((charge) => charge.key === key)
        .reduce((sum, { tokens }) => sum + tokens * shape.perToken, 0);
      const level = commit.writes.find((write) => write.key === key)?.level.units ?? 0;
      const orders = ahead.map(({ order }) => order).join(", ");
      assert(level >= owed || owed === 0, `${key}: ${later.order} overtook ${orders}`);
    }
  }
}

function endOf({ settledAt, leftAt }: Request): number {
  return Math.min(settledAt ?? Infinity, leftAt ?? Infinity);
}

function nobodyWaitsTooLong({ requests, scenario: { troubles, latencyMs, processes } }: World) {
  // Deciding takes its own time; how long is known where nothing goes wrong and nobody competes.
  const isCalm = Object.values(troubles).every((chance) => chance === 0);
  if (!isCalm || processes > 1) return;
  const decidingMs = 36 * latencyMs + 100;
  for (const { order, since, settledAt = Infinity, charges } of requests) {
    const longest = Math.max(...charges.map(({ limit }) => limit.waitMs));
    const waited = settledAt - since;
    assert(waited <= longest + decidingMs, `request ${order} waited ${waited} ms`);
  }
}

function nothingIsLeft({ clock, processes, scenario: { maxBuckets } }: World): void {
  assertEquals(clock.sleeping, 0, "timers");
  for (const { limiter } of processes) {
    assert(limiter.size <= maxBuckets, `${limiter.size} buckets are remembered`);
  }
}
