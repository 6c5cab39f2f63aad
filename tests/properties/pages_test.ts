import { assert, assertEquals } from "@std/assert";
import { GatewayError } from "../../lib/core/errors.ts";
import { gather } from "../../lib/gather/gather.ts";
import type { GatherPart } from "../../lib/gather/gather_part.ts";
import { GatherPlan } from "../../lib/gather/gather_plan.ts";
import { gatherRecords } from "../../lib/gather/gather_records.ts";
import { json } from "../../lib/json/json_reply.ts";
import type { Source } from "../../lib/core/source.ts";
import { testCall, testContext } from "../support/context.ts";
import { ManualClock, settled } from "../support/manual_clock.ts";
import { property, type Random } from "../support/random.ts";

interface Told {
  readonly data?: Record<string, unknown>;
  readonly complete?: boolean;
  readonly problems?: readonly { readonly part: string; readonly page?: number }[];
}

interface ToldRecord {
  readonly part?: string;
  readonly data?: unknown;
  readonly more?: boolean;
  readonly problem?: { readonly page?: number };
  readonly complete?: boolean;
}

/** A list of some pages, with an end of some kind. */
function listOf(random: Random): GatherPart {
  const pages = random.list(1, 6, () => random.list(0, 3, () => random.int(0, 99)));
  const end = random.pick(["ends", "fails", "leads back", "leads off", "has no list"]);
  const source: Source = async ({ path }) => {
    const page = Number(path.slice(1));
    if (random.bool()) await settled();
    const isEnd = page === pages.length;
    if (isEnd && end === "fails") throw new GatewayError("upstream-error", "it failed");
    if (isEnd && end === "has no list") return json({});
    const next = !isEnd
      ? `/${page + 1}`
      : end === "leads back"
      ? `/${random.int(1, page)}`
      : end === "leads off"
      ? "//elsewhere.example/"
      : null;
    return json({ items: pages[page - 1], next });
  };
  return {
    name: random.pick(["a", "b"]),
    source,
    call: () => testCall({ path: "/1" }),
    optional: random.bool(0.8),
    otherwise: ["stand-in"],
    pages: {
      walk: {
        next: "/next",
        items: "/items",
        max: random.int(1, 8),
        maxItems: random.int(1, 12),
        whenMore: random.pick(["fail", "stop"]),
      },
    },
  };
}

property("what is told page by page is what is told whole", 400, async (random) => {
  const lists = [listOf(random), listOf(random)];
  const parts = [...new Map(lists.map((part) => [part.name, part])).values()];
  const plan = new GatherPlan(parts, { clock: new ManualClock() });
  const whole: Told | undefined = await gather(plan)(testCall(), testContext()).then(
    async ({ body }) => JSON.parse(new TextDecoder().decode(await body.bytes(Infinity))),
    () => undefined,
  );
  const records: ToldRecord[] = [];
  try {
    for await (const { line } of gatherRecords(plan, testCall(), testContext())) {
      records.push(JSON.parse(new TextDecoder().decode(line)));
    }
  } catch (error) {
    assert(error instanceof GatewayError);
    assertEquals([whole, records], [undefined, []]);
    return;
  }
  assertEquals(records.at(-1)?.complete, whole?.complete ?? false);
  for (const { name } of parts) {
    const own = records.filter(({ part }) => part === name);
    // One that is cut short by another part's failure stops anywhere.
    const isCut = whole === undefined && !own.some(({ problem }) => problem);
    if (!isCut) {
      assertEquals(own.map(({ more = false }) => more), own.map((_, at) => at < own.length - 1));
    }
    if (whole === undefined) continue;
    assertEquals(own.flatMap(({ data }) => data ?? []), whole.data?.[name]);
    const problems = whole.problems?.filter(({ part }) => part === name) ?? [];
    assertEquals(
      own.flatMap(({ problem }) => problem ? [problem.page] : []),
      problems.map(({ page }) => page),
    );
  }
});
