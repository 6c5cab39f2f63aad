import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import { BufferAccount, BufferBudget, NoRoom } from "../../../lib/core/buffer_budget.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { property } from "../../support/random.ts";

/** What a body counts for besides its bytes. */
const OVERHEAD = overhead();

function overhead(): number {
  const budget = new BufferBudget(Infinity);
  new BufferAccount(budget).hold(Body.of(new Uint8Array()));
  return budget.used;
}

/** A body whose chunks come when they are read; `cancelled` when nobody wants more of it. */
function coming(...sizes: number[]) {
  let isCancelled = false;
  const stream = new ReadableStream({
    pull(controller) {
      const size = sizes.shift();
      if (size === undefined) controller.close();
      else controller.enqueue(new Uint8Array(size));
    },
    cancel() {
      isCancelled = true;
    },
  }, { highWaterMark: 0 });
  return { body: Body.from({ stream }), isCancelled: () => isCancelled };
}

Deno.test("what exceeds the budget is refused, and takes nothing", () => {
  const budget = new BufferBudget(100);
  budget.take(60);
  const error = assertThrows(() => budget.take(41), GatewayError);
  assertEquals([error.kind, error.status, error.headers["retry-after"]], ["overloaded", 503, "1"]);
  assertEquals(error.cause instanceof NoRoom, true);
  assertEquals(budget.used, 60);
  budget.take(40);
});

Deno.test("a body counts as it comes, for as long as somebody holds it, and once for all", async () => {
  const budget = new BufferBudget(10_000);
  const { body } = coming(100, 200);
  const [one, two] = [new BufferAccount(budget), new BufferAccount(budget)];
  one.hold(body);
  assertEquals(budget.used, OVERHEAD);
  await body.bytes(Infinity);
  assertEquals(budget.used, OVERHEAD + 300);
  two.hold(body);
  assertEquals(budget.used, 2 * OVERHEAD + 300);
  one.close();
  one.close();
  assertEquals(budget.used, OVERHEAD + 300);
  two.close();
  assertEquals(budget.used, 0);
});

Deno.test("a body beyond the budget is cancelled, and fails its readers", async () => {
  const budget = new BufferBudget(OVERHEAD + 150);
  const { body, isCancelled } = coming(100, 100, 100);
  const account = new BufferAccount(budget);
  account.hold(body);
  const error = await assertRejects(() => body.bytes(Infinity), GatewayError);
  assertEquals([error.kind, isCancelled()], ["overloaded", true]);
  account.close();
  assertEquals(budget.used, 0);
});

Deno.test("what comes in one step is counted before it comes", async () => {
  const budget = new BufferBudget(OVERHEAD + 150);
  const { body } = coming();
  await body.cancel();
  let isRead = false;
  const large = Body.from({
    stream: new ReadableStream(),
    length: 151,
    whole() {
      isRead = true;
      return Promise.resolve(new Uint8Array(151));
    },
  });
  new BufferAccount(budget).hold(large);
  await assertRejects(() => large.bytes(Infinity), GatewayError);
  assertEquals(isRead, false);
});

Deno.test("what comes in one step of an unknown length is counted as it comes", async () => {
  const budget = new BufferBudget(OVERHEAD + 150);
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>();
  const counted: number[] = [];
  const body = Body.from({
    stream,
    whole(_limit, count) {
      for (let part = 0; part < 3; part++) {
        count(60);
        counted.push(budget.used - OVERHEAD);
      }
      return Promise.resolve(new Uint8Array(180));
    },
  });
  const account = new BufferAccount(budget);
  account.hold(body);
  const error = await assertRejects(() => body.bytes(Infinity), GatewayError);
  assertEquals([error.kind, counted], ["overloaded", [60, 120]]);
  account.close();
  assertEquals(budget.used, 0);
});

Deno.test("chunks that were passed on and let go of do not count", async () => {
  const budget = new BufferBudget(Infinity);
  const sizes = [100, 100, 100, 100];
  const body = Body.from({
    stream: new ReadableStream({
      pull(controller) {
        const size = sizes.shift();
        if (size === undefined) controller.close();
        else controller.enqueue(new Uint8Array(size));
      },
    }, { highWaterMark: 0 }),
  }, 150);
  const account = new BufferAccount(budget);
  account.hold(body);
  let most = 0;
  for await (const _ of body) most = Math.max(most, budget.used);
  assertEquals([most <= OVERHEAD + 200, budget.used], [true, OVERHEAD]);
  account.close();
  assertEquals(budget.used, 0);
});

Deno.test("a closed account takes nothing: late bytes are not counted", () => {
  const budget = new BufferBudget(Infinity);
  const account = new BufferAccount(budget);
  account.close();
  account.take(5);
  account.hold(Body.of(new Uint8Array(5)));
  assertEquals(budget.used, 0);
});

property("however bodies are held and let go of, nothing is left in the end", 300, (random) => {
  const budget = new BufferBudget(random.int(2_000, 20_000));
  const bodies = Array.from({ length: 4 }, () => Body.of(new Uint8Array(random.int(0, 3_000))));
  const accounts = Array.from({ length: 3 }, () => new BufferAccount(budget));
  for (let count = 0; count < 30; count++) {
    const account = random.pick(accounts);
    try {
      const step = random.pick(["hold", "hold", "take", "holdOnly", "clear"] as const);
      if (step === "take") account.take(random.int(0, 3_000));
      else if (step === "clear") account.clear();
      else account[step](random.pick(bodies));
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
    }
    if (budget.used < 0 || budget.used > budget.maxBytes) throw new Error(`used ${budget.used}`);
  }
  for (const account of accounts) account.close();
  assertEquals(budget.used, 0);
});
