import { assert } from "@std/assert";
import {
  type EachPlanned,
  type Failing,
  isRequired,
  type Planned,
  type World,
} from "./graph_world.ts";

/** What comes of a part that nothing ends from without. */
export interface Fate {
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

/** What an answer is within another document. */
export const within = (document: string) =>
  document === "" ? "null" : document.replace(/^\ufeff/, "");

/** What comes of each part. */
export function fatesOf(world: World): Map<string, Fate> {
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
export interface Verdict {
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
export function endedBy(at: number, fates: readonly Fate[]): number {
  const runs = fates.flatMap(({ runs }) => runs).filter(({ from, to }) => from < at && to > at);
  return Math.max(at, ...runs.map(({ lingersMs }) => at + lingersMs));
}

/** Whether a part that settles at once does so while others settle, or are first asked. */
function isTiedAt(at: number, fates: readonly Fate[]): boolean {
  const atOnce = fates.filter((fate) => fate.at === at && !isForWant(fate) && isAtOnce(fate));
  const areAsked = fates.flatMap(({ runs }) => runs).some(({ from }) => from === at);
  return atOnce.length > (areAsked ? 0 : 1);
}

/** What must come of the whole. */
export function verdictOf(world: World, fates: ReadonlyMap<string, Fate>): Verdict {
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
