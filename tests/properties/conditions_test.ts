import { assert, assertEquals } from "@std/assert";
import { GatewayError } from "../../lib/core/errors.ts";
import { json } from "../../lib/json/json_reply.ts";
import type { GatherPart } from "../../lib/gather/gather_part.ts";
import { GatherPlan } from "../../lib/gather/gather_plan.ts";
import type { Outcome } from "../../lib/gather/settle.ts";
import { testCall, testContext } from "../support/context.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { Random } from "../support/random.ts";

type Verdict = "true" | "false" | "throws";

interface Drawn {
  readonly name: string;
  readonly needs: readonly string[];
  readonly when: { readonly is: Verdict; readonly isLate: boolean } | undefined;
  readonly acceptsSkipped: boolean;
  readonly fails: boolean;
}

const FAILURE = new GatewayError("upstream-error", "failed");

function draw(random: Random): Drawn[] {
  return Array.from({ length: random.int(2, 7) }, (_, index) => {
    const needs = Array.from({ length: index }, (_, other) => `p${other}`).filter(() =>
      random.bool(0.3)
    );
    const is: Verdict = random.bool(0.5) ? "true" : random.bool(0.8) ? "false" : "throws";
    return {
      name: `p${index}`,
      needs,
      when: random.bool(0.5) ? { is, isLate: needs.length > 0 && random.bool(0.5) } : undefined,
      acceptsSkipped: random.bool(0.3),
      fails: random.bool(0.15),
    };
  });
}

async function run(drawn: readonly Drawn[], called: string[], isStreamed: boolean) {
  const parts = drawn.map(({ name, needs, when, acceptsSkipped, fails }): GatherPart => ({
    name,
    needs,
    optional: true,
    acceptsSkipped,
    source: async () => {
      called.push(name);
      await Promise.resolve();
      if (fails) throw FAILURE;
      return json(name);
    },
    call: () => testCall(),
    when: when && {
      isLate: when.isLate,
      usesItem: false,
      holds: () => {
        if (when.is === "throws") throw FAILURE;
        return when.is === "true";
      },
    },
  }));
  const plan = new GatherPlan(parts, { clock: new ManualClock() });
  if (!isStreamed) return (await plan.run(testCall(), testContext())).outcomes;
  const { outcomes } = await plan.start(testCall(), testContext());
  return await Array.fromAsync(outcomes);
}

function resultOf({ reply, isSkipped }: Outcome): string {
  return reply ? "succeeded" : isSkipped ? "skipped" : "failed";
}

Deno.test("conditions: one outcome a part; none is called whose condition is false", async () => {
  for (let seed = 1; seed <= 600; seed++) {
    const drawn = draw(new Random(seed));
    const called: string[] = [];
    const outcomes = await run(drawn, called, seed % 2 === 0);
    const message = `seed ${seed}`;
    assertEquals(
      outcomes.map(({ part }) => part).toSorted(),
      drawn.map(({ name }) => name).toSorted(),
      message,
    );
    assertEquals(new Set(called).size, called.length, message);
    const results = new Map(outcomes.map((outcome) => [outcome.part, resultOf(outcome)]));
    for (const { name, needs, when, acceptsSkipped, fails } of drawn) {
      const of = needs.map((need) => results.get(need));
      const blocked = of.includes("failed") || (of.includes("skipped") && !acceptsSkipped);
      const result = results.get(name);
      const about = `${message}: ${name} ${result}`;
      if (when && when.is !== "true") assert(!called.includes(name), about);
      if (when?.is === "false" && (!when.isLate || !blocked)) {
        assertEquals(result, "skipped", about);
      } else if (when?.is === "throws" && (!when.isLate || !blocked)) {
        assertEquals(result, "failed", about);
      } else if (blocked) {
        assert(!called.includes(name), about);
        assert(result !== "succeeded", about);
        if (!of.includes("failed")) assertEquals(result, "skipped", about);
      } else assertEquals(result, fails ? "failed" : "succeeded", about);
    }
  }
});
