import { assert, assertEquals } from "@std/assert";
import { Body } from "../../lib/core/body.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { parseExactly } from "../../lib/json/parse_exactly.ts";
import type { GatherPart } from "../../lib/gather/gather_part.ts";
import { GatherPlan } from "../../lib/gather/gather_plan.ts";
import type { Inputs } from "../../lib/template/inputs.ts";
import { Scope } from "../../lib/core/scope.ts";
import type { Call, Context, Reply, Source } from "../../lib/core/source.ts";
import { functionSource } from "../../lib/transport/function.ts";
import { testCall, testContext } from "../support/context.ts";
import { countListeners } from "../support/count_listeners.ts";
import { ManualClock, settled } from "../support/manual_clock.ts";
import { type Fate, within } from "./graph_model.ts";
import type { Answering, Planned, World } from "./graph_world.ts";

/** What is under way at one time. */
interface Left {
  readonly at: number;
  readonly inFlight: number;
  /** On the request's signal. */
  readonly listeners: number;
  readonly timers: number;
}

/** A world on a manual clock. */
export class Play {
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
      assertEquals(JSON.stringify(of(need, [])), JSON.stringify(parseExactly(within(document))));
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
