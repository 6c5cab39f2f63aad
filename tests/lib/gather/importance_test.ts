import { assert, assertEquals } from "@std/assert";
import type { GatherPart } from "../../../lib/gather/gather_part.ts";
import { GatherPlan } from "../../../lib/gather/gather_plan.ts";
import { parseOnlyName } from "../../../lib/template/reference.ts";
import type { Context, Source } from "../../../lib/core/source.ts";
import { json } from "../../../lib/json/json_reply.ts";
import { testCall, testContext } from "../../support/context.ts";
import { gatherOf } from "../../support/gather_of.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const clock = new ManualClock();

/** Parts whose calls note how important they are. */
function parts(given: Readonly<Record<string, Partial<GatherPart>>>) {
  const seen: Record<string, boolean> = {};
  const all = Object.entries(given).map(([name, part]): GatherPart => ({
    name,
    optional: false,
    call: () => testCall(),
    source: (_call, { isOptional = false }) => {
      seen[name] = isOptional;
      return Promise.resolve(json([1, 2]));
    },
    ...part,
  }));
  return { seen, all };
}

async function importanceOf(
  given: Readonly<Record<string, Partial<GatherPart>>>,
  { headers = {}, ctx = {} }: { headers?: HeadersInit; ctx?: Partial<Context> } = {},
) {
  const { seen, all } = parts(given);
  const plan = new GatherPlan(all, { clock });
  await plan.run(testCall({ headers: new Headers(headers) }), testContext(ctx));
  return seen;
}

Deno.test("the calls of optional parts are optional, those of others are not", async () => {
  const seen = await importanceOf({ user: {}, orders: { optional: true } });
  assertEquals(seen, { user: false, orders: true });
});

Deno.test("so are the calls for the items of an optional part", async () => {
  const items = parseOnlyName("{orders}");
  assert(items);
  const each = { items, concurrency: 8, max: 9 };
  const given = { orders: {}, offers: { optional: true, each, needs: ["orders"] } };
  assertEquals(await importanceOf(given), { orders: false, offers: true });
});

Deno.test("an optional part that a required one needs is as important, however far", async () => {
  const seen = await importanceOf({
    far: { optional: true },
    near: { optional: true, needs: ["far"] },
    required: { needs: ["near"] },
    other: { optional: true, needs: ["near"] },
  });
  assertEquals(seen, { far: false, near: false, required: false, other: true });
});

Deno.test("for a client that wants all parts, every call is required", async () => {
  const headers = { prefer: "handling=strict" };
  const seen = await importanceOf({ user: {}, orders: { optional: true } }, { headers });
  assertEquals(seen, { user: false, orders: false });
});

Deno.test("the required parts of an aggregate that is itself optional are optional", async () => {
  const { seen, all } = parts({ user: {}, orders: { optional: true } });
  const inner: Source = gatherOf(all, { clock });
  await importanceOf({ inner: { optional: true, source: inner } });
  assertEquals(seen, { user: true, orders: true });
});
