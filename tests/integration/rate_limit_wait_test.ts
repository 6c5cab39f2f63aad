import { assertEquals } from "@std/assert";
import type { LimitConfig } from "../../lib/config/limit.ts";
import { json } from "../../lib/json/json_reply.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";

/** All that wait have one timer for their deadlines, and each has one for its token. */
const timersOf = (waiting: number) => waiting === 0 ? 0 : 1 + waiting;

Deno.test("a request that may wait is admitted when its token is there", async () => {
  const { gateway: started, clock, served } = limited({ rate: "1/s", burst: 1, wait: "2s" });
  await using gateway = started;
  assertEquals(await ask(gateway, "first"), 200);
  const second = ask(gateway, "second");
  await waiting(clock, 1);
  await clock.advance(999);
  assertEquals(served, ["first"]);
  await clock.advance(1);
  assertEquals(await second, 200);
  assertEquals(served, ["first", "second"]);
  assertEquals(clock.sleeping, 0);
});

Deno.test("those who wait are served in the order in which they came", async () => {
  const { gateway: started, clock, served } = limited({ rate: "1/s", burst: 1, wait: "5s" });
  await using gateway = started;
  await ask(gateway, "0");
  const answers: Promise<number>[] = [];
  for (let i = 1; i <= 4; i++) {
    answers.push(ask(gateway, String(i)));
    await waiting(clock, i);
  }
  for (let i = 1; i <= 4; i++) {
    await clock.advance(1_000);
    assertEquals(served, ["0", "1", "2", "3", "4"].slice(0, i + 1));
  }
  assertEquals(await Promise.all(answers), [200, 200, 200, 200]);
});

Deno.test("no more wait than the queue holds", async () => {
  const { gateway: started, clock } = limited({ rate: "1/s", burst: 1, wait: "5s", queue: 2 });
  await using gateway = started;
  await ask(gateway, "first");
  const waiters = [ask(gateway, "second")];
  await waiting(clock, 1);
  waiters.push(ask(gateway, "third"));
  await waiting(clock, 2);
  assertEquals(await ask(gateway, "fourth"), 429);
  await clock.advance(2_000);
  assertEquals(await Promise.all(waiters), [200, 200]);
});

Deno.test("a client that leaves makes room, and is served no more", async () => {
  const { gateway: started, clock, served } = limited({
    rate: "1/s",
    burst: 1,
    wait: "1500ms",
    queue: 1,
  });
  await using gateway = started;
  await ask(gateway, "first");
  const leaving = new AbortController();
  const gone = ask(gateway, "leaves", leaving.signal).catch(() => "gone");
  await waiting(clock, 1);
  assertEquals(await ask(gateway, "too many"), 429);
  leaving.abort();
  assertEquals(await gone, "gone");
  await waiting(clock, 0);
  const next = ask(gateway, "next");
  await waiting(clock, 1);
  await clock.advance(1_000);
  assertEquals(await next, 200);
  assertEquals(served, ["first", "next"]);
  assertEquals(clock.sleeping, 0);
});

Deno.test("those behind a client that leaves are served sooner", async () => {
  const { gateway: started, clock, served } = limited({ rate: "1/s", burst: 1, wait: "5s" });
  await using gateway = started;
  await ask(gateway, "first");
  const leaving = new AbortController();
  const gone = ask(gateway, "leaves", leaving.signal).catch(() => "gone");
  await waiting(clock, 1);
  const next = ask(gateway, "next");
  await waiting(clock, 2);
  leaving.abort();
  await gone;
  await waiting(clock, 1);
  await clock.advance(1_000);
  assertEquals(await next, 200);
  assertEquals(served, ["first", "next"]);
});

Deno.test("a token that comes later than the wait allows is not waited for", async () => {
  const { gateway: started, clock } = limited({ rate: "1/s", burst: 1, wait: "999ms" });
  await using gateway = started;
  assertEquals(await ask(gateway, "first"), 200);
  assertEquals(await ask(gateway, "second"), 429);
  await clock.advance(1);
  const third = ask(gateway, "third");
  await waiting(clock, 1);
  await clock.advance(999);
  assertEquals(await third, 200);
});

Deno.test("a token that comes after the deadline is not waited for", async () => {
  const { gateway: started, clock } = limited({ rate: "1/s", burst: 1, wait: "5s" }, "900ms");
  await using gateway = started;
  assertEquals(await ask(gateway, "first"), 200);
  assertEquals(await ask(gateway, "second"), 429);
  assertEquals(clock.sleeping, 0);
});

interface Waits {
  readonly gateway: TestGateway;
  readonly clock: ManualClock;
  /** The names of the requests that reached the upstream, in order. */
  readonly served: string[];
}

function limited(limit: LimitConfig, deadline: "900ms" | "10s" = "10s"): Waits {
  const clock = new ManualClock();
  const served: string[] = [];
  const gateway = startGateway({
    upstreams: {
      api: {
        source: ({ path }) => {
          served.push(decodeURIComponent(path.slice(1)));
          return Promise.resolve(json({}));
        },
      },
    },
    limits: { one: limit },
    routes: {
      "GET /:name": { limit: "one", deadline, gather: { a: { from: "api", path: "/{name}" } } },
    },
  }, { clock });
  return { gateway, clock, served };
}

async function ask(
  { url }: TestGateway,
  name: string,
  signal: AbortSignal = AbortSignal.timeout(5_000),
): Promise<number> {
  const response = await fetch(`${url}/${name}`, { signal });
  await response.body?.cancel();
  return response.status;
}

/** Resolves when so many requests wait for their tokens, and no other is there. */
async function waiting(clock: ManualClock, count: number): Promise<void> {
  const until = Date.now() + 5_000;
  while (clock.sleeping !== timersOf(count)) {
    if (Date.now() > until) throw new Error(`${clock.sleeping} timers, not those of ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
