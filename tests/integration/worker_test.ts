import { assert, assertEquals } from "@std/assert";
import { DEFAULTS } from "../../lib/core/defaults.ts";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import type { AnyPart } from "../../lib/config/part.ts";
import type { WorkerPath, WorkerUpstream } from "../../lib/config/upstream.ts";
import type { ConfigPlace } from "../../lib/config/named_files.ts";
import type { Kind } from "../../lib/core/errors.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { until } from "../support/program.ts";

const PLACE: ConfigPlace = {
  url: new URL("../support/workers/", import.meta.url),
  hasFile: () => true,
};

/** A gateway whose part `it` runs what `/:do` and `?value=` say; `/and/:do` waits for `first`. */
function start(
  upstream: Omit<WorkerUpstream, "worker"> = {},
  part: AnyPart = {},
  worker: WorkerPath = "./faulty.ts",
): TestGateway {
  const config: GatewayConfig<"up"> = {
    upstreams: { up: { worker, workers: 1, timeout: "5s", ...upstream } },
    routes: {
      "GET /:do": {
        deadline: "20s",
        gather: { it: { from: "up", body: { do: "{do}", value: "{query.value}" }, ...part } },
      },
    },
  };
  return startGateway(config, { place: PLACE });
}

async function dataOf(gateway: TestGateway, path: string): Promise<unknown> {
  return (await readEnvelope(await ask(gateway.url + path))).data.it;
}

Deno.test("a worker's result is its part's data", async () => {
  await using gateway = start();
  assertEquals(await dataOf(gateway, "/echo?value=%7B%22%25%C3%A4"), '{"%ä');
  assertEquals(await dataOf(gateway, "/nothing"), null);
});

/** What goes wrong, which kind it is, and what stands in the log. */
const FAULTS: readonly (readonly [what: string, kind: Kind, logged: RegExp])[] = [
  ["throw", "upstream-error", /secret/],
  ["throwNothing", "upstream-error", /undefined/],
  ["reject", "upstream-error", /secret/],
  ["recurse", "upstream-error", /call stack/],
  ["rejectUnhandled", "upstream-unreachable", /nobody handles it/],
  ["throwLate", "upstream-unreachable", /thrown late/],
  ["exit", "upstream-unreachable", /code 0/],
  ["close", "upstream-unreachable", /code 0/],
  ["function", "upstream-invalid", /function is not JSON/],
  ["symbol", "upstream-invalid", /symbol is not JSON/],
  ["circle", "upstream-invalid", /circular/i],
];

Deno.test("a worker's bigint is a number with all its digits", async () => {
  await using gateway = start();
  const text = await (await ask(`${gateway.url}/bigint`)).text();
  assertEquals(text, '{"data":{"it":18446744073709551616},"complete":true}');
});

for (const [what, kind, logged] of FAULTS) {
  Deno.test(`a worker that does "${what}": ${kind}, and the next call succeeds`, async () => {
    await using gateway = start();
    await readProblem(await ask(`${gateway.url}/${what}`), {
      status: 502,
      kind,
      parts: ["it"],
      hidden: ["secret", "10.0.0.5", "faulty"],
    });
    assertEquals(gateway.errors.length, 1);
    assert(logged.test(String(gateway.errors[0])), String(gateway.errors[0]));
    assertEquals(await dataOf(gateway, "/echo?value=next"), "next");
  });
}

for (const worker of ["./not_loading.ts", "./no_function.ts"] as const) {
  Deno.test(`a module that is of no use (${worker}) is unreachable, and tried again`, async () => {
    await using gateway = start({}, {}, worker);
    const expected = {
      status: 502,
      kind: "upstream-unreachable",
      parts: ["it"],
      hidden: [worker.slice(2)],
    } as const;
    await readProblem(await ask(`${gateway.url}/echo`), expected);
    await readProblem(await ask(`${gateway.url}/echo`), expected);
    assertEquals(gateway.errors.length, 2);
  });
}

for (const what of ["loop", "hang"]) {
  Deno.test(`a worker that does "${what}" is ended at its timeout, and another does the next call`, async () => {
    await using gateway = start({ timeout: "300ms" });
    const expected = { status: 504, kind: "upstream-timeout", parts: ["it"] } as const;
    await readProblem(await ask(`${gateway.url}/${what}`), expected);
    await untilAnswered(gateway);
    assertEquals(gateway.errors, []);
  });
}

Deno.test("a module that loads for ever ends at the timeout, every time", async () => {
  await using gateway = start({ timeout: "300ms" }, {}, "./endless_loading.ts");
  const expected = { status: 504, kind: "upstream-timeout", parts: ["it"] } as const;
  await readProblem(await ask(`${gateway.url}/echo`), expected);
  await readProblem(await ask(`${gateway.url}/echo`), expected);
});

Deno.test("a worker whose heap is full is terminated, and nothing else is", async () => {
  await using gateway = start({ memory: "16MiB", timeout: "3s" });
  // Deno ends a thread for it in some places, and stops it dead in others until its timeout.
  const response = await ask(`${gateway.url}/exhaustHeap`);
  await response.text();
  assert([502, 504].includes(response.status), `${response.status}`);
  await untilAnswered(gateway);
});

Deno.test("a thread that breaks while it idles is logged and replaced", async () => {
  await using gateway = start();
  assertEquals(await dataOf(gateway, "/breakAfter"), "answered");
  await until(() => gateway.errors.length > 0, "the thread has ended");
  assertEquals(String(gateway.errors[0]), "Error: thrown while idle");
  assertEquals(await dataOf(gateway, "/echo?value=next"), "next");
});

Deno.test("a message that a module posts itself is not taken for a result", async () => {
  await using gateway = start();
  assertEquals(await dataOf(gateway, "/notMine"), "mine");
});

Deno.test("a client that leaves stops the work; a function that yields keeps its thread", async () => {
  await using gateway = start();
  assertEquals(await dataOf(gateway, "/count"), 1);
  const leaving = new AbortController();
  const answer = fetch(`${gateway.url}/untilAborted`, { signal: leaving.signal });
  await until(() => gateway.arrived === 2, "the request is there");
  leaving.abort();
  await answer.catch(() => {});
  assertEquals(await dataOf(gateway, "/wasAborted"), true);
  assertEquals(await dataOf(gateway, "/count"), 2);
});

Deno.test("a client that leaves ends an endless loop", async () => {
  await using gateway = start({ timeout: "20s" });
  assertEquals(await dataOf(gateway, "/count"), 1);
  const leaving = new AbortController();
  const answer = fetch(`${gateway.url}/loop`, { signal: leaving.signal });
  await until(() => gateway.arrived === 2, "the request is there");
  leaving.abort();
  await answer.catch(() => {});
  assertEquals(await dataOf(gateway, "/count"), 1, "it is another thread");
});

Deno.test("a result larger than maxBody is upstream-invalid", async () => {
  await using gateway = start({ maxBody: "1KiB" });
  assertEquals(await dataOf(gateway, "/large?value=1022"), "x".repeat(1022));
  await readProblem(await ask(`${gateway.url}/large?value=1023`), {
    status: 502,
    kind: "upstream-invalid",
    parts: ["it"],
  });
});

Deno.test("when the line is full, a call is refused at once with Retry-After; at abort a place is free", async () => {
  await using gateway = start({ workers: { max: 1, queue: 1 }, timeout: "20s" });
  const leaving = new AbortController();
  const leave = () => fetch(`${gateway.url}/hang`, { signal: leaving.signal }).catch(() => {});
  const [first, second] = [leave(), fetch(`${gateway.url}/hang?value=2`, leaving).catch(() => {})];
  await until(() => gateway.arrived === 2, "both are there");
  const response = await ask(`${gateway.url}/echo`);
  assertEquals(response.headers.get("retry-after"), "1");
  await readProblem(response, { status: 503, kind: "overloaded", parts: ["it"] });
  leaving.abort();
  await Promise.all([first, second]);
  await untilAnswered(gateway);
});

Deno.test("1,000 calls of one list all end, in order, by no more threads than there may be", async () => {
  await using gateway = startGateway({
    upstreams: {},
    routes: {
      "POST /": {
        deadline: "60s",
        gather: {
          it: {
            worker: "./faulty.ts",
            body: { do: "echo", value: "{item}" },
            each: "{body.items}",
            max: 1_000,
          },
        },
      },
    },
  }, { place: PLACE });
  const items = Array.from({ length: 1_000 }, (_, index) => ({ index, of: ["ä", null] }));
  const body = JSON.stringify({ items });
  const { data } = await readEnvelope(
    await ask(gateway.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    }),
  );
  assertEquals(data.it, items);
});

Deno.test("a worker is part of the graph: its input is the data of other parts", async () => {
  await using gateway = startGateway({
    upstreams: {},
    routes: {
      "GET /:id": {
        gather: {
          sum: { worker: "./faulty.ts", body: { do: "echo", value: { of: "{user.name}" } } },
          user: {
            worker: "./faulty.ts",
            body: { do: "echo", value: { name: ["{id}"], secret: 1 } },
            pick: ["name"],
          },
          failed: {
            worker: "./faulty.ts",
            body: { do: "throw", value: "{sum}" },
            otherwise: "none",
          },
        },
      },
    },
  }, { place: PLACE });
  const { data, complete } = await readEnvelope(await ask(`${gateway.url}/7`));
  assertEquals(data, { sum: { of: ["7"] }, user: { name: ["7"] }, failed: "none" });
  assertEquals(complete, false);
});

Deno.test("the same input is worked on once where a cache keeps it, another is not the same", async () => {
  await using gateway = start({ cache: { ttl: "1h" } });
  assertEquals(await dataOf(gateway, "/count?value=a"), 1);
  assertEquals(await dataOf(gateway, "/count?value=a"), 1);
  assertEquals(await dataOf(gateway, "/count?value=b"), 2);
});

Deno.test("a call is made again where the worker's upstream says retry", async () => {
  await using gateway = start({ retry: { attempts: 3, backoff: "1ms" } });
  await readProblem(await ask(`${gateway.url}/exit`), {
    status: 502,
    kind: "upstream-unreachable",
    parts: ["it"],
  });
  assertEquals(gateway.errors.length, 3);
});

Deno.test("the gateway closes while a thread loops, and nothing of it is left", async () => {
  const gateway = start({ timeout: "200ms" });
  await (await ask(`${gateway.url}/loop`)).body?.cancel();
  await gateway[Symbol.asyncDispose](); // the sanitizers see what is left
});

Deno.test("the grace is short enough for a timeout to mean something", () => {
  assert(DEFAULTS.workerGraceMs <= 100);
});

/** Waits until the pool works again: what is being ended takes its slot until it has ended. */
async function untilAnswered(gateway: TestGateway): Promise<void> {
  await until(async () => {
    const response = await ask(`${gateway.url}/echo?value=next`);
    const { data } = await response.json();
    return response.ok && data.it === "next";
  }, "the next call succeeds");
}
