import { assert, assertEquals } from "@std/assert";
import {
  admission,
  after,
  type Breaker,
  CLOSED,
  type Ended,
  LONGEST_BACKOFF_MS,
  MOST_HANGING,
  type Outcome,
  probing,
  type StoreCallKind,
} from "../../lib/store/breaker.ts";
import { property, type Random } from "../support/random.ts";

const KINDS: readonly StoreCallKind[] = ["read", "prepare", "write"];
const RUNS = 300;

type Call = Omit<Ended, "outcome">;

/** A store with any outcomes in any order, and the rules that its circuit must keep. */
class Play {
  breaker: Breaker = CLOSED;
  now = 0;
  readonly #random: Random;
  #running: Call[] = [];
  #silent: Call[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** Begins a call, if it is let through. */
  begin(kind: StoreCallKind): boolean {
    const admitted = admission(this.breaker, kind, this.now);
    if (admitted === "refused") return false;
    const isProbe = admitted === "probe";
    if (isProbe) this.breaker = probing(this.breaker);
    this.#running.push({ kind, isProbe, begunAt: this.now });
    if (isProbe) this.#checkProbe();
    return true;
  }

  /** Ends a call in some way. */
  end(outcomes: readonly Outcome[]): void {
    if (this.#silent.length > 0 && this.#random.bool(0.2)) {
      const [call] = this.#silent.splice(this.#random.int(0, this.#silent.length - 1), 1);
      if (call) this.#after(call, "late");
      return;
    }
    if (this.#running.length === 0) return;
    const [call] = this.#running.splice(this.#random.int(0, this.#running.length - 1), 1);
    const outcome = this.#random.pick(outcomes);
    if (call && (outcome === "silent" || outcome === "slow")) this.#silent.push(call);
    if (call) this.#after(call, outcome);
  }

  /** While it is under way, nothing else that the circuit refuses is let through. */
  #checkProbe(): void {
    const { refuses } = this.breaker;
    for (const later of [0, 1, 1e6]) {
      const admitted = KINDS.map((kind) => admission(this.breaker, kind, this.now + later));
      const read = refuses === "all" ? "refused" : "call";
      assertEquals(admitted, [read, "refused", "refused"]);
    }
  }

  #after(call: Call, outcome: Outcome): void {
    const before = this.breaker;
    const isProbe = call.isProbe && outcome !== "late";
    this.breaker = after(
      before,
      { ...call, outcome, isProbe },
      this.now,
      this.#random.int(0, 9) / 10,
    );
    this.#check(before, call, outcome);
  }

  #check(before: Breaker, { kind }: Call, outcome: Outcome): void {
    const { refuses, retryAt, backoffMs, hanging, isProbing } = this.breaker;
    assertEquals(hanging, this.#silent.length, "each silent call hangs until its reply");
    assert(retryAt - this.now <= 2 * LONGEST_BACKOFF_MS, "the pause is bounded");
    assert(backoffMs <= LONGEST_BACKOFF_MS);
    if (refuses === "nothing") assert(!isProbing, "a closed circuit has no probe");
    if (outcome === "replied" && kind === "write") assertEquals(refuses, "nothing");
    if (before.refuses !== "nothing" && refuses === "nothing") {
      assertEquals([outcome, kind], ["replied", "write"], "only a write closes it");
    }
    if (["late", "invalid", "slow"].includes(outcome)) assertEquals(refuses, before.refuses);
    if (outcome === "failed") assert(refuses !== "nothing", "an error opens it");
    if (hanging < MOST_HANGING && before.hanging < MOST_HANGING && before.backoffMs === 500) {
      assertEquals(backoffMs, 500, "a store that replies is probed each second");
    }
  }
}

function play(random: Random, outcomes: readonly Outcome[]): Play {
  const it = new Play(random);
  for (let step = random.int(0, 200); step > 0; step--) {
    if (random.bool()) it.begin(random.pick(KINDS));
    else it.end(outcomes);
    it.now += random.pick([0, 0, 1, 100, 500, 40_000]);
  }
  return it;
}

const OUTCOMES: readonly Outcome[] = ["replied", "failed", "locked", "silent", "slow", "invalid"];

property("breaker: any calls in any order keep its rules", RUNS, (random) => {
  play(random, OUTCOMES);
  return Promise.resolve();
});

property("breaker: a store that is back is used again within a bounded time", RUNS, (random) => {
  const it = play(random, OUTCOMES);
  for (let left = 0; left < 400; left++) it.end(["failed", "silent"]);
  it.now += 2 * LONGEST_BACKOFF_MS;
  // As the guard does: it reads, and then it writes.
  for (const kind of ["read", "write"] as const) {
    assert(it.begin(kind), `${kind} is let through`);
    const { breaker } = it;
    const isProbe = breaker.isProbing;
    const call = { kind, isProbe, begunAt: it.now, outcome: "replied" } as const;
    it.breaker = after(breaker, call, it.now, 0);
  }
  assertEquals(it.breaker.refuses, "nothing");
  return Promise.resolve();
});

property("breaker: slow and wrong calls never open it", RUNS, (random) => {
  const it = play(random, ["replied", "slow", "invalid"]);
  assertEquals(it.breaker.refuses, "nothing");
  return Promise.resolve();
});
