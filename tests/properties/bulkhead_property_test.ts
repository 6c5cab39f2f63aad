import { assert, assertEquals } from "@std/assert";
import { Body } from "../../lib/core/body.ts";
import type { Bytes } from "../../lib/core/bytes.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { bulkhead } from "../../lib/policies/bulkhead.ts";
import { Semaphore } from "../../lib/async/semaphore.ts";
import type { Reply, Source } from "../../lib/core/source.ts";
import { testCall, testContext } from "../support/context.ts";
import { countListeners } from "../support/count_listeners.ts";
import { ManualClock, settled } from "../support/manual_clock.ts";
import { property, type Random } from "../support/random.ts";
import { ScriptedStream } from "../support/scripted_stream.ts";

/** How many worlds; `SEEDS=100000 deno test …` tries more. */
const RUNS = Number(Deno.env.get("SEEDS") ?? 300);

property(
  "a semaphore lets in as many as it may, in their order, and loses none",
  RUNS,
  async (random) => {
    const { max, queue } = anySize(random);
    const semaphore = new Semaphore({ max, queue });
    const entered: number[] = [];
    const left: number[] = [];
    const listeners: { readonly count: number }[] = [];
    // The model: who should be inside and who in line, and all who should have got in, in order.
    let inside = 0;
    const line: { readonly id: number; readonly request: AbortController }[] = [];
    const model: { entered: number[]; left: number[] } = { entered: [], left: [] };
    const arrive = (id: number) => {
      const request = new AbortController();
      listeners.push(countListeners(request.signal));
      const turn = semaphore.acquire(request.signal);
      if (turn !== false) {
        Promise.resolve(turn).then(() => entered.push(id), () => left.push(id));
      }
      const expected = inside < max ? true : line.length < queue ? "waits" : false;
      assertEquals(turn instanceof Promise ? "waits" : turn, expected);
      if (expected === "waits") line.push({ id, request });
      if (expected !== true) return;
      inside++;
      model.entered.push(id);
    };
    const release = () => {
      semaphore.release();
      const next = line.shift();
      if (next) model.entered.push(next.id);
      else inside--;
    };
    const leave = () => {
      const [leaver] = line.splice(random.int(0, line.length - 1), 1);
      leaver?.request.abort(new Error("enough"));
      if (leaver) model.left.push(leaver.id);
    };
    const check = () => {
      assertEquals([semaphore.running, semaphore.waiting], [inside, line.length]);
    };
    for (let id = 0; id < 60; id++) {
      const act = random.int(0, 9);
      if (act < 5) arrive(id);
      else if (act < 8 && inside > 0) release();
      else if (line.length > 0) leave();
      check();
      if (random.bool(0.3)) {
        await settled();
        assertEquals({ entered, left }, model);
      }
    }
    while (inside > 0) release();
    await settled();
    check();
    assertEquals({ entered, left }, model);
    assertEquals(semaphore.running, 0);
    assert(listeners.every(({ count }) => count === 0), "a listener stayed");
  },
);

type Stage = "waits" | "asked" | "ending" | "flows" | "over";

/** A call through the bulkhead, as the model knows it. */
interface Flow {
  readonly id: number;
  readonly deadline: number;
  readonly request: AbortController;
  readonly ending: PromiseWithResolvers<Reply>;
  readonly origin: ScriptedStream;
  stage: Stage;
  outcome?: string;
  reader?: ReadableStreamDefaultReader<Bytes>;
  expected?: string;
}

for (const until of ["reply", "body"] as const) {
  property(`a bulkhead until ${until} keeps every promise of its own`, RUNS, async (random) => {
    const { max, queue } = anySize(random);
    const clock = new ManualClock();
    const semaphore = new Semaphore({ max, queue });
    const flows: Flow[] = [];
    const started: number[] = [];
    const due: number[] = [];
    const source: Source = (_call, { deadline }) => {
      // A deadline is unlike all others, and so tells who it is.
      const flow = flows.find((flow) => flow.deadline === deadline);
      assert(flow);
      started.push(flow.id);
      return flow.ending.promise;
    };
    const guarded = bulkhead({ semaphore, clock, until })(source);
    const staying = (...stages: Stage[]) => flows.filter(({ stage }) => stages.includes(stage));
    const fill = () => {
      for (const flow of staying("waits")) {
        if (staying("asked", "ending", "flows").length >= max) break;
        const isLate = flow.deadline <= clock.monotonic();
        flow.stage = isLate ? "over" : "asked";
        if (isLate) flow.expected = "deadline-exceeded";
        else due.push(flow.id);
      }
    };
    const arrive = (id: number) => {
      const deadline = clock.monotonic() + random.int(0, 60) + id / 1000;
      const flow: Flow = {
        id,
        deadline,
        request: new AbortController(),
        ending: Promise.withResolvers(),
        origin: new ScriptedStream(),
        stage: "waits",
      };
      const isFull = staying("asked", "ending", "flows").length >= max &&
        staying("waits").length >= queue;
      if (isFull) Object.assign(flow, { stage: "over", expected: "overloaded" });
      flows.push(flow);
      guarded(testCall(), testContext({ signal: flow.request.signal, deadline })).then(
        ({ body }) => {
          flow.outcome = "answered";
          const stream = body.handOn();
          if (stream instanceof ReadableStream) flow.reader = stream.getReader();
        },
        (error) => flow.outcome = error instanceof GatewayError ? error.kind : String(error),
      );
      fill();
    };
    const step = (flow: Flow) => {
      const isLeaving = random.bool(0.3);
      if (isLeaving) flow.request.abort(new GatewayError("cancelled", "the client went away"));
      if (flow.stage === "waits") {
        if (isLeaving) Object.assign(flow, { stage: "over", expected: "cancelled" });
      } else if (flow.stage === "asked") {
        if (isLeaving) {
          flow.stage = "ending";
        } else if (random.bool(0.3)) {
          flow.ending.reject(new GatewayError("upstream-error", "no"));
          Object.assign(flow, { stage: "over", expected: "upstream-error" });
        } else {
          const body = Body.from({ stream: flow.origin.stream });
          flow.ending.resolve({ status: 200, headers: new Headers(), body });
          flow.stage = until === "body" ? "flows" : "over";
          flow.expected = "answered";
        }
      } else if (flow.stage === "ending") {
        flow.ending.reject(new GatewayError("cancelled", "the client went away"));
        Object.assign(flow, { stage: "over", expected: "cancelled" });
      } else if (flow.stage === "flows") {
        if (!isLeaving) return endBody(flow);
        flow.stage = "over";
      }
    };
    const endBody = async ({ reader, origin }: Flow) => {
      const how = random.pick(["read", "end", "fail", "cancel"]);
      assert(reader);
      if (how === "cancel") {
        await reader.cancel();
      } else {
        const reading = reader.read().catch(() => {});
        await settled();
        if (how === "read") origin.deliver("x");
        else if (how === "end") origin.end();
        else origin.fail(new Error("broken"));
        await reading;
      }
      return how !== "read";
    };
    const check = async () => {
      await settled();
      assertEquals(started, due);
      assertEquals(semaphore.running, staying("asked", "ending", "flows").length);
      assertEquals(semaphore.waiting, staying("waits").length);
      assert(semaphore.running <= max, "too many at once");
      for (const { id, stage, outcome, expected } of flows) {
        if (stage === "over" || stage === "flows") assertEquals(outcome, expected, `call ${id}`);
        else assertEquals(outcome, undefined, `call ${id}`);
      }
    };
    const any = async () => {
      const flow = random.pick(flows.filter(({ stage }) => stage !== "over"));
      if (await step(flow)) flow.stage = "over";
      fill();
    };
    for (let id = 0; id < 40; id++) {
      const act = random.int(0, 9);
      if (act < 5) arrive(id);
      else if (act < 9 && flows.some(({ stage }) => stage !== "over")) await any();
      else await clock.advance(random.int(0, 20));
      await check();
    }
    while (flows.some(({ stage }) => stage !== "over")) {
      await any();
      await check();
    }
    assertEquals([semaphore.running, semaphore.waiting, clock.sleeping], [0, 0, 0]);
  });
}

function anySize(random: Random) {
  return { max: random.int(1, 4), queue: random.int(0, 5) };
}
