import { assert, assertEquals } from "@std/assert";
import { Circuit, type CircuitSettings } from "../../../../lib/policies/breaker/circuit.ts";

const SETTINGS: CircuitSettings = {
  windowMs: 10_000,
  minCalls: 20,
  failureRate: 0.5,
  slowAfterMs: 2_000,
  slowRate: 0.8,
  openForMs: 10_000,
  probes: 2,
};

/** How calls end that begin and end at one time. */
const ENDED = {
  good: { isFailed: false, isSlow: false },
  failed: { isFailed: true, isSlow: false },
  slow: { isFailed: false, isSlow: true },
  cutOff: { isFailed: true, isSlow: true },
};

function play(overrides: Partial<CircuitSettings> = {}) {
  const circuit = new Circuit({ ...SETTINGS, ...overrides });
  const end = (how: keyof typeof ENDED, now: number, generation = circuit.generation) =>
    circuit.record({ generation, ...ENDED[how] }, now);
  const times = (count: number, how: keyof typeof ENDED, now: number) => {
    for (let call = 0; call < count; call++) end(how, now);
  };
  return { circuit, end, times };
}

/** A circuit that opened at 0. */
function opened(overrides: Partial<CircuitSettings> = {}) {
  const it = play(overrides);
  it.times(20, "failed", 0);
  assertEquals(it.circuit.stateAt(0), "open");
  return it;
}

Deno.test("it opens at the failure rate, and not below", () => {
  const { circuit, end, times } = play();
  times(11, "good", 0);
  times(10, "failed", 0);
  assertEquals(circuit.stateAt(0), "closed");
  assertEquals(end("failed", 0), "open");
  assertEquals([circuit.isClosed, circuit.refusedForMs(0)], [false, 10_000]);
});

Deno.test("it does not open below the minimum of calls", () => {
  const { circuit, end, times } = play();
  times(19, "failed", 0);
  assertEquals([circuit.isClosed, circuit.refusedForMs(0)], [true, undefined]);
  assertEquals(end("failed", 0), "open");
});

Deno.test("it opens at the rate of slow calls, also if they succeed", () => {
  const { circuit, end, times } = play();
  times(5, "good", 0);
  times(19, "slow", 0);
  assertEquals(circuit.isClosed, true);
  assertEquals(end("slow", 0), "open");
});

Deno.test("a call is slow from slowAfter on", () => {
  const { circuit } = play();
  assertEquals([circuit.isSlow(1_999.9), circuit.isSlow(2_000)], [false, true]);
});

Deno.test("a call leaves the window after nine to ten tenths of it", () => {
  const { circuit, times } = play();
  times(19, "failed", 999);
  assertEquals(circuit.countsAt(9_999), { calls: 19, failed: 19, slow: 0 });
  times(1, "good", 10_000);
  assertEquals(circuit.countsAt(10_000), { calls: 1, failed: 0, slow: 0 });
  times(18, "failed", 10_000);
  assertEquals(circuit.isClosed, true);
  assertEquals(circuit.countsAt(1e9), { calls: 0, failed: 0, slow: 0 });
});

Deno.test("it refuses all calls until openFor is over, then all but the probes", () => {
  const { circuit } = opened();
  assertEquals(circuit.refusedForMs(9_999), 1);
  assertEquals([circuit.stateAt(10_000), circuit.refusedForMs(10_000)], ["half-open", undefined]);
  circuit.beginProbe();
  assertEquals(circuit.refusedForMs(10_000), undefined);
  circuit.beginProbe();
  assertEquals(circuit.refusedForMs(10_000), 0);
});

Deno.test("it closes once all probes have succeeded, with an empty window", () => {
  const { circuit, end, times } = opened();
  const generation = circuit.beginProbe();
  assertEquals(end("good", 10_001), undefined);
  circuit.endProbe(generation);
  assertEquals(circuit.refusedForMs(10_001), undefined, "one of two places is free");
  circuit.beginProbe();
  assertEquals(circuit.refusedForMs(10_001), 0);
  assertEquals(end("good", 10_002), "closed");
  circuit.endProbe(generation);
  assertEquals(circuit.countsAt(10_002), { calls: 0, failed: 0, slow: 0 });
  times(19, "failed", 10_002);
  assert(circuit.isClosed);
});

for (const how of ["failed", "slow", "cutOff"] as const) {
  Deno.test(`one bad probe opens it again, for all of openFor: ${how}`, () => {
    const { circuit, end } = opened();
    circuit.beginProbe();
    circuit.beginProbe();
    assertEquals(end("good", 10_500), undefined);
    assertEquals(end(how, 11_000), "open");
    assertEquals(circuit.refusedForMs(11_000), 10_000);
  });
}

Deno.test("a probe without an outcome gives its place back", () => {
  const { circuit, end } = opened({ probes: 1 });
  const generation = circuit.beginProbe();
  assertEquals(circuit.refusedForMs(10_000), 0);
  circuit.endProbe(generation);
  assertEquals(circuit.refusedForMs(10_000), undefined);
  circuit.beginProbe();
  assertEquals(end("good", 10_000), "closed");
});

Deno.test("calls that began before it opened do not count as probes", () => {
  const { circuit, end, times } = play({ probes: 1 });
  const before = circuit.generation;
  times(20, "failed", 0);
  assertEquals(end("failed", 1, before), undefined);
  const generation = circuit.beginProbe();
  assertEquals(end("good", 10_000, before), undefined, "must not close it");
  assertEquals(end("failed", 10_000, before), undefined, "must not open it again");
  assertEquals(end("good", 10_000, generation), "closed");
  assertEquals(end("failed", 10_000, before), undefined);
  assertEquals(circuit.countsAt(10_000).calls, 0);
});

Deno.test("a probe of an earlier try neither decides the next one nor takes its places", () => {
  const { circuit, end } = opened({ probes: 1 });
  const first = circuit.beginProbe();
  assertEquals(end("failed", 10_000), "open");
  const second = circuit.beginProbe();
  circuit.endProbe(first);
  assertEquals(circuit.refusedForMs(20_000), 0, "the place of the second is taken");
  assertEquals(end("good", 20_000, first), undefined);
  assertEquals(end("good", 20_000, second), "closed");
});

Deno.test("it shows the counts that opened it for as long as it is not closed", () => {
  const { circuit } = opened();
  assertEquals(circuit.countsAt(60_000), { calls: 20, failed: 20, slow: 0 });
});
