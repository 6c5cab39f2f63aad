import type { GatewayError } from "../../lib/core/errors.ts";
import type { Random } from "../support/random.ts";

/** How a question fails. */
export interface Failing {
  readonly kind: GatewayError["kind"];
  readonly status: number;
}

/** What one question meets. */
export interface Answering {
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
export interface Planned {
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

/** The list of a part that is asked for item by item. */
export interface EachPlanned {
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

/** What is asked, and what that meets. */
export interface World {
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

/** @param longestMs the longest that a question takes */
export function randomWorld(random: Random, longestMs: number): World {
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

/** Whether the whole fails with a part, or comes nearer to it. */
export const isRequired = (world: World, part: Planned) =>
  world.quorum !== undefined || world.isStrict || !part.optional;
