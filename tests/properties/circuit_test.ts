import { assertEquals } from "@std/assert";
import { Circuit, type CircuitSettings } from "../../lib/policies/breaker/circuit.ts";
import { property, type Random } from "../support/random.ts";

interface Ended {
  readonly at: number;
  readonly isFailed: boolean;
  readonly isSlow: boolean;
}

interface Running {
  readonly generation: number;
  /** The model's number of state changes when it began. */
  readonly changes: number;
  readonly isProbe: boolean;
}

/** The rules of a circuit, as a list of the calls that ended and the time at which it opened. */
class Model {
  readonly settings: CircuitSettings;
  state: "closed" | "open" | "probing" = "closed";
  ended: Ended[] = [];
  openedAt = 0;
  changes = 0;
  /** The probes of the current try. */
  probing = 0;
  good = 0;

  constructor(settings: CircuitSettings) {
    this.settings = settings;
  }

  /** Whether a call is made now. */
  admits(now: number): boolean {
    const { openForMs, probes } = this.settings;
    if (this.state === "closed") return true;
    if (this.state === "open") return now >= this.openedAt + openForMs;
    return this.probing + this.good < probes;
  }

  begin(): void {
    if (this.state === "closed") return;
    if (this.state === "open") this.change("probing");
    this.probing++;
  }

  end(call: Running, ended: Ended | undefined): void {
    const isCurrent = call.changes === this.changes;
    if (isCurrent && ended) this.record(ended);
    if (call.isProbe && call.changes === this.changes) this.probing--;
  }

  record(ended: Ended): void {
    const { failureRate, slowRate, minCalls, probes } = this.settings;
    const isBad = ended.isFailed || ended.isSlow;
    if (this.state === "closed") {
      this.ended.push(ended);
      const counted = this.countedAt(ended.at);
      const share = (what: (call: Ended) => boolean) =>
        counted.filter(what).length / counted.length;
      if (counted.length < minCalls) return;
      const isOver = share(({ isFailed }) => isFailed) >= failureRate ||
        share(({ isSlow }) => isSlow) >= slowRate;
      if (isOver) this.open(ended.at);
    } else if (this.state === "probing") {
      if (isBad) this.open(ended.at);
      else if (++this.good === probes) {
        this.change("closed");
        this.ended = [];
      }
    }
  }

  /** Calls in the current tenth of the window, and in the nine before it. */
  countedAt(now: number): Ended[] {
    const tenth = (at: number) => Math.floor(at / (this.settings.windowMs / 10));
    return this.ended.filter(({ at }) => tenth(at) > tenth(now) - 10);
  }

  open(now: number): void {
    this.openedAt = now;
    this.change("open");
  }

  change(state: Model["state"]): void {
    this.state = state;
    this.changes++;
    this.probing = this.good = 0;
  }
}

function settingsOf(random: Random): CircuitSettings {
  return {
    windowMs: random.pick([100, 1_000, 10_000]),
    minCalls: random.pick([1, 3, 20]),
    // Rates for which no product is rounded.
    failureRate: random.pick([0.25, 0.5, 1]),
    slowAfterMs: 100,
    slowRate: random.pick([0.25, 0.5, 1]),
    openForMs: random.pick([50, 500, 5_000]),
    probes: random.int(1, 4),
  };
}

property(
  "a circuit does what a list of its calls says, whatever is late or left",
  300,
  (random) => {
    const settings = settingsOf(random);
    const [circuit, model] = [new Circuit(settings), new Model(settings)];
    let running: Running[] = [];
    let now = 0;
    let badness = 0;
    for (let step = 0; step < 400; step++) {
      if (random.bool(0.05)) badness = random.pick([0, 0, 0.3, 0.9]);
      now += random.pick([0, 0, 1, 7, 40, 300]) / random.int(1, 3);
      if (random.bool(0.01)) now += random.int(0, 30_000);
      assertEquals(circuit.refusedForMs(now) === undefined, model.admits(now), `admits at ${now}`);
      if (model.admits(now) && random.bool()) {
        const isProbe = model.state !== "closed";
        model.begin();
        if (isProbe) circuit.beginProbe();
        const { generation } = circuit;
        running.push({ generation, changes: model.changes, isProbe });
      } else if (running.length > 0) {
        const call = random.pick(running);
        running = running.filter((other) => other !== call);
        const ended = random.bool(0.15)
          ? undefined
          : { at: now, isFailed: random.bool(badness), isSlow: random.bool(badness / 2) };
        if (ended) circuit.record({ generation: call.generation, ...ended }, now);
        if (call.isProbe) circuit.endProbe(call.generation);
        model.end(call, ended);
      }
      assertEquals(circuit.isClosed, model.state === "closed", `closed at ${now}`);
      if (circuit.isClosed) assertEquals(circuit.countsAt(now).calls, model.countedAt(now).length);
    }
  },
);

property("of any run, probes never exceed their places, and no place is lost", 300, (random) => {
  const settings = { ...settingsOf(random), minCalls: 1, failureRate: 0.25 };
  const circuit = new Circuit(settings);
  let now = 0;
  let probes: number[] = [];
  circuit.record({ generation: circuit.generation, isFailed: true, isSlow: true }, now);
  for (let step = 0; step < 200; step++) {
    now += random.int(0, settings.openForMs);
    if (circuit.refusedForMs(now) === undefined && !circuit.isClosed) {
      probes.push(circuit.beginProbe());
    }
    const current = probes.filter((generation) => generation === circuit.generation);
    assertEquals(current.length <= settings.probes, true);
    if (random.bool() && probes.length > 0) {
      const generation = random.pick(probes);
      probes.splice(probes.indexOf(generation), 1);
      // Nobody ever stays: each leaves without an outcome, or with a bad one.
      if (random.bool(0.2)) circuit.record({ generation, isFailed: true, isSlow: false }, now);
      circuit.endProbe(generation);
    }
  }
  for (const generation of probes.splice(0)) circuit.endProbe(generation);
  now += settings.openForMs;
  for (let probe = 0; probe < settings.probes; probe++) {
    assertEquals(circuit.refusedForMs(now), undefined, "all places are free again");
    probes = [circuit.beginProbe()];
  }
  assertEquals(circuit.refusedForMs(now), 0);
});
