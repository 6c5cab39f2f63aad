import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Body } from "../../lib/core/body.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { SharedCalls } from "../../lib/policies/coalesce/shared_calls.ts";
import { coalesce } from "../../lib/policies/coalesce/coalesce.ts";
import { json } from "../../lib/json/json_reply.ts";
import type { Call, Client, Context, Reply, Source } from "../../lib/core/source.ts";
import { testCall, testContext } from "../support/context.ts";
import { countListeners } from "../support/count_listeners.ts";
import { settled } from "../support/manual_clock.ts";
import { property, type Random } from "../support/random.ts";

/** How many worlds; `SEEDS=100000 deno test …` tries more. */
const RUNS = Number(Deno.env.get("SEEDS") ?? 300);

/** One who asks. */
interface Caller {
  readonly id: number;
  readonly deadline: number;
  readonly request: AbortController;
  readonly listeners: { readonly count: number };
  readonly left: GatewayError;
  /** What came of it, each time that something did. */
  readonly outcomes: unknown[];
  expected?: unknown;
}

/** A question that came through. */
interface Question {
  readonly call: Call;
  readonly ctx: Context;
  readonly ending: PromiseWithResolvers<Reply>;
}

/** What the model has under way: a question, and those who wait for it or were the last to. */
interface Ride {
  /** What is the same for all on it; absent where nobody may share. */
  readonly identity?: string;
  readonly question: Question;
  readonly waiting: Set<Caller>;
  last?: Caller;
}

property("what is asked at once is asked once, and each gets one outcome", RUNS, async (random) => {
  const flights = new SharedCalls();
  const questions: Question[] = [];
  const source: Source = (call, ctx) => {
    const ending = Promise.withResolvers<Reply>();
    questions.push({ call, ctx, ending });
    return ending.promise;
  };
  const scopes = ["s", "t"];
  const stacks = scopes.map((scope) => coalesce({ calls: flights, scope })(source));
  const callers: Caller[] = [];
  const rides = new Set<Ride>();

  const arrive = (id: number) => {
    const scope = random.int(0, 1);
    const { call, client } = anyCall(random);
    const request = new AbortController();
    const left = new GatewayError("cancelled", `caller ${id} went away`);
    const caller: Caller = {
      id,
      deadline: random.int(0, 5),
      request,
      listeners: countListeners(request.signal),
      left,
      outcomes: [],
    };
    callers.push(caller);
    const isGone = random.bool(0.1);
    if (isGone) request.abort(left);
    const asked = questions.length;
    const identity = identityOf(scope, call, client);
    if (isGone && identity === undefined) return callers.pop();
    const { signal } = request;
    stacks[scope]?.(call, testContext({ signal, deadline: caller.deadline, client })).then(
      (reply) => caller.outcomes.push(reply),
      (error) => caller.outcomes.push(error),
    );
    const shared = [...rides].find((ride) => identity !== undefined && ride.identity === identity);
    if (isGone) {
      caller.expected = left;
      assertEquals(questions.length, asked, "one that has left asks nothing");
    } else if (shared && !shared.last) {
      shared.waiting.add(caller);
      assertEquals(questions.length, asked, "the same is not asked twice");
    } else {
      const [question] = questions.slice(asked);
      assert(question && questions.length === asked + 1, "what is new is asked once");
      assertStrictEquals(question.call, call);
      rides.add({ ...(identity && { identity }), question, waiting: new Set([caller]) });
    }
  };

  const leave = (ride: Ride) => {
    const caller = random.pick([...ride.waiting]);
    ride.waiting.delete(caller);
    caller.request.abort(caller.left);
    if (ride.waiting.size > 0) {
      caller.expected = caller.left;
      return;
    }
    ride.last = caller;
    // It ends in its own time; meanwhile the same may be asked anew.
    rides.delete(ride);
    rides.add({ question: ride.question, waiting: new Set(), last: caller });
  };

  const end = ({ question, waiting, last }: Ride) => {
    const isReply = random.bool();
    const outcome = isReply ? json(1) : new GatewayError("upstream-error", "no");
    if (outcome instanceof GatewayError) question.ending.reject(outcome);
    else question.ending.resolve(outcome);
    for (const caller of waiting) caller.expected = outcome;
    if (last) last.expected = last.left;
  };

  const check = async () => {
    await settled();
    const shared = [...rides].filter(({ identity }) => identity !== undefined);
    assertEquals(flights.size, shared.length, "what is under way");
    for (const { question: { ctx }, waiting, last, identity } of rides) {
      if (last) assertStrictEquals(ctx.signal.reason, last.left);
      else assert(!ctx.signal.aborted, "it was aborted though somebody waits");
      if (waiting.size === 0 || identity === undefined) continue;
      assertEquals(ctx.deadline, Math.max(...[...waiting].map(({ deadline }) => deadline)));
    }
    for (const { id, outcomes, expected, listeners } of callers) {
      assertEquals(outcomes.length, expected === undefined ? 0 : 1, `outcomes of caller ${id}`);
      assertStrictEquals(outcomes[0], expected);
      if (expected !== undefined) assertEquals(listeners.count, 0, `listeners of caller ${id}`);
    }
  };

  const any = async () => {
    const ride = random.pick([...rides]);
    const mayLeave = ride.waiting.size > 0 && ride.identity !== undefined;
    if (mayLeave && random.bool(0.7)) return leave(ride);
    rides.delete(ride);
    end(ride);
    await settled(); // until then the same may still join
  };

  for (let id = 0; id < 50; id++) {
    if (rides.size === 0 || random.bool(0.6)) arrive(id);
    else await any();
    if (random.bool(0.7)) await check();
  }
  while (rides.size > 0) {
    await any();
    await check();
  }
  await check();
  assertEquals(flights.size, 0);
  for (const { expected, id } of callers) assert(expected !== undefined, `caller ${id} is lost`);
});

/** Few enough that many are the same. */
function anyCall(random: Random): { call: Call; client: Client } {
  const headers: [string, string][] = random.pick([
    [],
    [["a", "1"], ["b", "2"]],
    [["B", "2"], ["A", "1"]],
    [["a", "1"]],
  ]);
  const method = random.pick(["GET", "GET", "GET", "GET", "HEAD", "POST"]);
  const call = testCall({
    method,
    path: random.pick(["/", "/x", "/x?"]),
    headers: new Headers(headers),
    ...(random.bool(0.1) && { body: Body.of(new Uint8Array()) }),
  });
  const client: Client = random.pick<Client>([
    { address: "192.0.2.1" },
    { address: "192.0.2.1", name: "ann" },
    { address: "192.0.2.2", name: "ann" },
    { address: "192.0.2.2", name: "192.0.2.1" },
  ]);
  return { call, client };
}

/** All that must be the same, as one text; undefined for what is asked each time. */
function identityOf(scope: number, call: Call, { name, address }: Client): string | undefined {
  if (call.body || call.method === "POST") return undefined;
  const headers = [...call.headers].map(([name, value]) => `${name}: ${value}`).sort();
  const who = name === undefined ? { address } : { name };
  return JSON.stringify([scope, call.method, call.path, headers, who]);
}
