import { assert, assertEquals } from "@std/assert";
import { parseConfig } from "../../lib/config/parse.ts";
import { buildGateway } from "../../routes/gateway.ts";
import { property, Random } from "../support/random.ts";
import { mutableProgram, MUTANTS } from "./sharing_mutants.ts";
import { assertMayShare } from "./sharing_rules.ts";
import { playSharing, type Program } from "./sharing_world.ts";

/** How many worlds; `SEEDS=10000 deno test …` tries more. */
const RUNS = Number(Deno.env.get("SEEDS") ?? 40);
/** How many worlds a wrong program may survive. */
const MOST_WORLDS = 400;

let served = 0;
let stored = 0;

property(
  "no byte made for one request reaches another that an upstream tells apart",
  RUNS,
  async (random) => {
    served += await playSharing(random, { buildGateway, parseConfig }, (response) => {
      assertMayShare(response);
      if (response.headers.get("cache-status")?.includes("hit")) stored++;
    });
  },
);

Deno.test("the worlds of this property serve, and much from what is stored", () => {
  if (Deno.env.has("SEED")) return;
  assert(served > RUNS * 30, `only ${served} responses`);
  assert(stored > RUNS * 3, `only ${stored} stored ones`);
});

Deno.test("a program that leaves out any part of a key shares what it must not", async () => {
  await using program = await mutableProgram();
  assertEquals(await worldsSurvived(program, 20), 20, "the right one, made in the same way");
  for (const name of Object.keys(MUTANTS)) {
    program.be(name);
    const worlds = await worldsSurvived(program, MOST_WORLDS);
    assert(worlds < MOST_WORLDS, `${name}: nobody has seen it`);
  }
});

/** How many worlds are played before one sees that something is wrong. */
async function worldsSurvived(program: Program, most: number): Promise<number> {
  for (let seed = 0; seed < most; seed++) {
    try {
      await playSharing(new Random(seed + 1), program, assertMayShare);
    } catch {
      return seed;
    }
  }
  return most;
}
