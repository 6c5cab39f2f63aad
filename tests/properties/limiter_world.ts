import { testGuard } from "../support/test_guard.ts";
import type { Clock } from "../../lib/core/clock.ts";
import { GuardedStore } from "../../lib/limiter/stores/guarded_store.ts";
import { type BucketLevel, bucketShape } from "../../lib/limiter/bucket.ts";
import type { Charge, Decision, Limit } from "../../lib/limiter/limit.ts";
import { Ledger, type LedgerOptions } from "../../lib/limiter/admin/ledger.ts";
import type { LimiterOptions, TakeOptions } from "../../lib/limiter/limiter.ts";
import type {
  BucketStore,
  BucketWrite,
  StoredBucket,
} from "../../lib/limiter/stores/bucket_store.ts";
import { ManualClock } from "../support/manual_clock.ts";
import type { Random } from "../support/random.ts";

/** How long a call of the store may take in a world (ms). */
export const STORE_TIMEOUT_MS = 250;
/** When a commit is sent again whose answer was lost (ms). */
const REPEATS_AFTER_MS = 100;
/** Long enough for whatever was begun to end (ms). */
const DRAIN_MS = 120_000;

/** What a world needs of a limiter, so that wrong ones can be tried as well. */
export interface AnyLimiter {
  readonly size: number;
  take(charges: readonly Charge[], patience: TakeOptions): Decision | Promise<Decision>;
  forget(keys: readonly string[]): void;
  leasedTokens(key: string): number;
  close(): Promise<void>;
}

/** What resets buckets in a world, so that a wrong one can be tried as well. */
export type NewLedger = (options: LedgerOptions) => Pick<Ledger, "reset">;

/** Makes one, on a store that several share. */
export type NewLimiter = (options: LimiterOptions) => AnyLimiter;

/** How likely each trouble is, of 1. */
export interface Troubles {
  /** A commit that says "changed meanwhile" though nothing was. */
  readonly locked: number;
  /** A call that fails, and did nothing. */
  readonly failure: number;
  /** A commit that holds, and whose answer is lost. */
  readonly lostAnswer: number;
  /** A commit that is sent again, for its answer was lost: it meets what it wrote itself. */
  readonly repeat: number;
  /** A call that never answers; a commit may hold even so, and late. */
  readonly stall: number;
  /** A process that dies, and is replaced. */
  readonly crash: number;
  /** A client that leaves before there is a decision. */
  readonly leave: number;
  /** Tokens that come back. */
  readonly giveBack: number;
  /** A wall clock that is stepped, within what clocks may differ. */
  readonly step: number;
  /** A monotonic clock that stands still for a while. */
  readonly freeze: number;
  /** An operator who fills a bucket. */
  readonly reset: number;
}

/** What happens in a world. */
export interface Scenario {
  readonly skewMs: number;
  readonly processes: number;
  readonly limits: readonly Limit[];
  readonly clients: number;
  /** How often something happens. */
  readonly steps: number;
  /** How many ask at once, at most. */
  readonly crowd: number;
  /** How likely a rush is after a step, of 1: little for a lease's whole term, then very much. */
  readonly rush: number;
  /** The longest pause between two things that happen (ms). */
  readonly pauseMs: number;
  readonly latencyMs: number;
  readonly maxBuckets: number;
  readonly maxWrites: number;
  readonly concurrency: number;
  readonly troubles: Troubles;
}

/** A commit as it was sent, and what became of it. */
export interface Commit {
  readonly process: Process;
  /** When it was decided upon (true time); the order of sending is the order in `commits`. */
  readonly at: number;
  /** The clocks of its process then. */
  readonly wall: number;
  readonly monotonic: number;
  readonly writes: readonly BucketWrite[];
  /** Whether it fills a bucket, or is about to. */
  readonly isOperators: boolean;
  /** Its place among those that held. */
  place?: number;
  /** What was there before, by key; undefined for nothing. */
  before?: Map<string, BucketLevel | undefined>;
  outcome: "unknown" | "held" | "conflict";
}

/** A bucket that the operator filled: a new promise begins. */
export interface Reset {
  readonly key: string;
  /** The commit's place among those that held. */
  readonly place: number;
  /** When it held (true time). */
  readonly at: number;
}

/** A request, and what became of it. */
export interface Request {
  /** Its place among all. */
  readonly order: number;
  readonly process: Process;
  readonly charges: readonly Charge[];
  readonly since: number;
  /** When the client left, if it did. */
  leftAt: number | undefined;
  settledAt: number | undefined;
  /** How often an answer came. */
  answers: number;
  decision: Decision | undefined;
  /** The commit that admitted it; undefined where a lease did. */
  commit: Commit | undefined;
  /** When it was admitted (true time). */
  admittedAt: number | undefined;
  isGivenBack: boolean;
  /** Which charges came back, and before the commit of which place in `commits`. */
  readonly returned: Map<string, number>;
  readonly leave: AbortController;
}

/** The clock of one process: off by as much as clocks may be, and silent once the process is dead. */
class ProcessClock implements Clock {
  readonly #world: ManualClock;
  #ahead: number;
  #offset: number;
  #frozenAt: number | undefined;
  readonly #death = new AbortController();

  constructor(world: ManualClock, ahead: number, offset: number) {
    this.#world = world;
    this.#ahead = ahead;
    this.#offset = offset;
  }

  wall(): number {
    return this.#world.wall() + this.#ahead;
  }

  monotonic(): number {
    return this.#frozenAt ?? this.#world.monotonic() + this.#offset;
  }

  /** Steps the wall clock: so much ahead of true time it is now. */
  step(ahead: number): void {
    this.#ahead = ahead;
  }

  /** Stops the monotonic clock, or lets it go on from where it is. */
  toggleFreeze(): void {
    const now = this.monotonic();
    this.#offset = now - this.#world.monotonic();
    this.#frozenAt = this.#frozenAt === undefined ? now : undefined;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const ends = signal ? AbortSignal.any([signal, this.#death.signal]) : this.#death.signal;
    return new Promise((resolve, reject) => {
      this.#world.sleep(Math.ceil(ms), ends).then(resolve, (reason) => {
        if (!this.#death.signal.aborted) reject(reason);
      });
    });
  }

  die(): void {
    this.#death.abort();
  }
}

/** A gateway's process. */
export interface Process {
  readonly clock: ProcessClock;
  readonly ahead: number;
  readonly limiter: AnyLimiter;
  readonly ledger: Pick<Ledger, "reset">;
  isAlive: boolean;
  /** The last commit of each key whose answer came. */
  readonly held: Map<string, Commit>;
}

interface Entry {
  readonly level: BucketLevel;
  readonly version: string;
  readonly expiresAt: number;
}

/** Processes with one store, clients and troubles, in an order that a seed decides. */
export class World {
  readonly scenario: Scenario;
  readonly clock = new ManualClock();
  readonly requests: Request[] = [];
  readonly commits: Commit[] = [];
  readonly resets: Reset[] = [];
  readonly processes: Process[];
  readonly #random: Random;
  readonly #newLimiter: NewLimiter;
  readonly #newLedger: NewLedger;
  readonly #entries = new Map<string, Entry>();
  #versions = 0;
  #isCalm = false;

  constructor(
    random: Random,
    scenario: Scenario,
    newLimiter: NewLimiter,
    newLedger: NewLedger = (options) => new Ledger(options),
  ) {
    this.scenario = scenario;
    this.#random = random;
    this.#newLimiter = newLimiter;
    this.#newLedger = newLedger;
    this.processes = Array.from({ length: scenario.processes }, (_, index) => {
      // The first two are as far apart as clocks may be.
      const { skewMs } = scenario;
      return this.#start(index < 2 ? skewMs * index : random.int(0, skewMs));
    });
  }

  /** Lets everything happen, and then everything end. */
  async run(): Promise<void> {
    const { steps, pauseMs } = this.scenario;
    for (let step = 0; step < steps; step++) {
      this.#step();
      if (this.#random.bool(0.02)) await this.clock.advance(this.#random.int(0, 20_000));
      await this.clock.advance(this.#random.bool() ? 0 : this.#random.int(0, pauseMs));
      if (this.#random.bool(this.scenario.rush)) await this.#rush();
    }
    this.#isCalm = true;
    await this.clock.advance(DRAIN_MS);
    for (const { limiter } of this.processes) limiter.close();
    await this.clock.advance(DRAIN_MS);
  }

  #step(): void {
    const { skewMs, crowd, troubles } = this.scenario;
    const { leave, crash, giveBack, step, freeze, reset } = troubles;
    const random = this.#random;
    if (reset > 0 && random.bool(reset)) this.#reset();
    if (random.bool(step)) random.pick(this.processes).clock.step(random.int(0, skewMs));
    if (random.bool(freeze)) random.pick(this.processes).clock.toggleFreeze();
    if (random.bool(crash)) this.#crash(random.int(0, this.processes.length - 1));
    if (random.bool(leave)) this.#leave();
    if (random.bool(giveBack)) this.#giveBack();
    for (let i = random.int(0, crowd); i > 0; i--) this.#ask();
  }

  /** Two processes lease; when their leases come near the end, all that there is is spent. */
  async #rush(): Promise<void> {
    const { limits, crowd, troubles } = this.scenario;
    const random = this.#random;
    const shapes = limits.map(({ shape }) => shape);
    const most = Math.max(...shapes.map(({ capacity, perToken }) => capacity / perToken));
    const fillMs = Math.max(...shapes.map(({ capacity, perMs }) => capacity / perMs));
    const termMs = Math.min(1_000, fillMs / 4);
    if (random.bool()) await this.clock.advance(Math.ceil(fillMs));
    for (const pauseMs of [random.int(0, termMs), termMs + random.int(-20, 20)]) {
      const process = random.pick(this.processes);
      for (let i = random.int(1, crowd); i > 0; i--) this.#ask({ process });
      const isGivenBack = random.bool(troubles.giveBack);
      await this.clock.advance(random.int(0, 20));
      for (let i = 0; isGivenBack && i < crowd; i++) this.#giveBack();
      const end = this.clock.monotonic() + pauseMs;
      const isIdle = random.bool();
      while (this.clock.monotonic() < end) {
        if (!isIdle) this.#ask({ process });
        await this.clock.advance(Math.min(40, end - this.clock.monotonic()));
      }
    }
    for (let asked = 0; asked < most; asked += 4) this.#ask({ least: 4 });
  }

  #start(ahead: number): Process {
    const { maxBuckets } = this.scenario;
    const offset = this.#random.int(0, 1_000_000) / 1_024;
    const clock = new ProcessClock(this.clock, ahead, offset);
    const random = () => this.#random.int(0, 999_999) / 1_000_000;
    const guard = testGuard({ clock, random, timeoutMs: STORE_TIMEOUT_MS });
    const store = new GuardedStore(this.#port(() => process), guard);
    const limiter = this.#newLimiter({ store, clock, random, maxBuckets });
    const ledger = this.#newLedger({
      store: new GuardedStore(this.#port(() => process, true), guard),
      clock,
      random,
      forget: (keys) => limiter.forget(keys),
      leasedTokens: (key) => limiter.leasedTokens(key),
      onError: () => {},
    });
    const process: Process = { clock, ahead, limiter, ledger, isAlive: true, held: new Map() };
    return process;
  }

  /** The operator fills a client's bucket, by one of the processes. */
  #reset(): void {
    const { limits, clients } = this.scenario;
    const limit = this.#random.pick(limits);
    const key = `${limit.name}|${this.#random.int(1, clients)}`;
    this.#random.pick(this.processes).ledger.reset([{ key, limit, tokens: 1 }]).catch(() => {});
  }

  #crash(index: number): void {
    const [process] = this.processes.slice(index);
    if (!process) return;
    process.isAlive = false;
    process.clock.die();
    this.processes[index] = this.#start(process.ahead);
  }

  #ask({ least = 1, process = this.#random.pick(this.processes) } = {}): void {
    const random = this.#random;
    const { limits, clients } = this.scenario;
    const client = random.int(1, clients);
    const charges = random.shuffle(limits).slice(0, random.int(1, limits.length)).map((limit) => ({
      key: `${limit.name}|${client}`,
      limit,
      tokens: random.int(least, Math.min(4, limit.shape.capacity / limit.shape.perToken)),
    }));
    const request: Request = {
      order: this.requests.length,
      process,
      charges,
      since: this.clock.monotonic(),
      leftAt: undefined,
      settledAt: undefined,
      answers: 0,
      decision: undefined,
      commit: undefined,
      admittedAt: undefined,
      isGivenBack: false,
      returned: new Map(),
      leave: new AbortController(),
    };
    this.requests.push(request);
    const deadline = process.clock.monotonic() + random.pick([Infinity, random.int(0, 3_000)]);
    const taken = process.limiter.take(charges, { signal: request.leave.signal, deadline });
    if (!(taken instanceof Promise)) return this.#settle(request, taken);
    taken.then((decision) => this.#settle(request, decision), () => {
      request.answers++;
      request.settledAt = this.clock.monotonic();
    });
  }

  #settle(request: Request, decision: Decision): void {
    const { process, charges } = request;
    if (!process.isAlive) return;
    request.answers++;
    request.settledAt = this.clock.monotonic();
    request.decision = decision;
    if (decision.outcome !== "admitted") return;
    const { wall, monotonic } = decision.at;
    const commits = new Set(charges.flatMap(({ key }) => {
      const commit = process.held.get(key);
      const isIts = commit?.wall === wall && commit.monotonic === monotonic;
      return isIts ? commit : [];
    }));
    const [commit] = commits;
    if (commit && commits.size === 1) request.commit = commit;
    request.admittedAt = commit?.at ?? request.settledAt;
  }

  #leave(): void {
    const waiting = this.requests.filter((request) =>
      request.answers === 0 && request.process.isAlive && request.leftAt === undefined
    );
    if (waiting.length === 0) return;
    const request = this.#random.pick(waiting);
    request.leftAt = this.clock.monotonic();
    request.leave.abort();
  }

  #giveBack(): void {
    const admitted = this.requests.slice(-100).flatMap((request) =>
      request.process.isAlive && request.decision?.outcome === "admitted" && !request.isGivenBack
        ? { request, decision: request.decision }
        : []
    );
    if (admitted.length === 0) return;
    const { request, decision } = this.#random.pick(admitted);
    request.isGivenBack = true;
    const returned = request.charges.filter(() => this.#random.bool(0.7));
    for (const { key } of returned) request.returned.set(key, this.commits.length);
    decision.refund((charge) => returned.includes(charge));
    // What is given back once more is not given.
    if (this.#random.bool(0.2)) decision.refund(() => true);
  }

  /** The store as one process reaches it. */
  #port(processOf: () => Process, isOperators = false): BucketStore {
    const { maxWrites, concurrency, skewMs } = this.scenario;
    return {
      maxWrites,
      concurrency,
      skewMs,
      repeatsAfterMs: REPEATS_AFTER_MS,
      read: (keys) => this.#read(processOf(), keys),
      commit: (writes) => this.#commit(processOf(), writes, isOperators),
    };
  }

  async #read(process: Process, keys: readonly string[]): Promise<StoredBucket[]> {
    const { failure, stall } = this.scenario.troubles;
    await this.#travel();
    if (this.#happens(failure)) throw new Error("the store could not be read");
    if (this.#happens(stall)) return await never();
    const found = keys.map((key) => {
      const entry = this.#get(key);
      return { level: entry?.level, version: entry?.version ?? null };
    });
    await this.#travel();
    return process.isAlive ? found : await never();
  }

  async #commit(
    process: Process,
    writes: readonly BucketWrite[],
    isOperators: boolean,
  ): Promise<string | undefined> {
    const { failure, stall, lostAnswer, locked, repeat } = this.scenario.troubles;
    if (!process.isAlive) return await never();
    const at = this.clock.monotonic();
    const wall = process.clock.wall();
    const monotonic = process.clock.monotonic();
    const commit: Commit = {
      process,
      at,
      wall,
      monotonic,
      writes,
      isOperators,
      outcome: "unknown",
    };
    this.commits.push(commit);
    const isStalled = this.#happens(stall);
    await this.#travel();
    if (isStalled) await this.clock.sleep(this.#random.int(0, 2 * STORE_TIMEOUT_MS));
    if (this.#happens(failure)) throw new Error("the store could not be written");
    const isLocked = this.#happens(locked);
    const version = isLocked ? undefined : this.#apply(commit);
    if (version !== undefined && repeat > 0 && this.#happens(repeat)) {
      await process.clock.sleep(REPEATS_AFTER_MS);
      return undefined;
    }
    await this.#travel();
    if (isStalled) return await never();
    if (this.#happens(lostAnswer)) throw new Error("the answer was lost");
    if (!process.isAlive) return await never();
    // The timer was there first: an answer at its very moment comes too late.
    if (this.clock.monotonic() - at >= STORE_TIMEOUT_MS) return version;
    const isLate = this.clock.monotonic() - at >= REPEATS_AFTER_MS;
    // A refusal that comes so late may be of a commit that was sent twice, and held.
    if (version !== undefined || !isLate) {
      commit.outcome = version === undefined ? "conflict" : "held";
    }
    if (version !== undefined && !isOperators) {
      for (const { key } of writes) process.held.set(key, commit);
    }
    return version;
  }

  #apply(commit: Commit): string | undefined {
    const { writes } = commit;
    const isChanged = writes.some(({ key, version }) =>
      (this.#get(key)?.version ?? null) !== version
    );
    if (isChanged) return undefined;
    const version = String(++this.#versions);
    commit.place = this.#versions;
    commit.before = new Map(writes.map(({ key }) => [key, this.#get(key)?.level]));
    for (const { key, level } of writes) {
      const isReset = level.resetAt !== commit.before.get(key)?.resetAt;
      if (isReset) this.resets.push({ key, place: commit.place, at: this.clock.monotonic() });
    }
    for (const { key, level, lifetimeMs } of writes) {
      const late = this.#random.pick([0, 0, 1_000, 60_000]);
      this.#entries.set(key, {
        level,
        version,
        expiresAt: this.clock.monotonic() + lifetimeMs + late,
      });
    }
    return version;
  }

  #get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry && entry.expiresAt > this.clock.monotonic() ? entry : undefined;
  }

  #travel(): Promise<void> {
    return this.clock.sleep(this.#random.int(0, this.scenario.latencyMs));
  }

  #happens(chance: number): boolean {
    return !this.#isCalm && this.#random.bool(chance);
  }
}

/** Nothing goes wrong. */
export const NO_TROUBLE: Troubles = {
  locked: 0,
  failure: 0,
  lostAnswer: 0,
  repeat: 0,
  stall: 0,
  crash: 0,
  leave: 0,
  giveBack: 0,
  step: 0,
  freeze: 0,
  reset: 0,
};

/** A scenario of any kind. */
export function anyScenario(random: Random): Scenario {
  const rare = () => random.pick([0, 0, 0.01, 0.05]);
  const common = () => random.pick([0, 0.05, 0.3]);
  const isCalm = random.bool(0.2);
  return {
    skewMs: random.pick([0, 0, 20, 500]),
    processes: random.int(1, 4),
    limits: random.list(1, 3, (index) => anyLimit(random, `limit${index}`)),
    clients: random.int(1, 2),
    steps: random.int(20, 80),
    crowd: 4,
    rush: 0,
    pauseMs: random.pick([5, 50, 300]),
    latencyMs: random.pick([0, 3, 20, 110]),
    maxBuckets: random.pick([1, 100, 100]),
    maxWrites: random.pick([3, 10, 100]),
    concurrency: random.pick([1, 2, 16]),
    troubles: isCalm ? NO_TROUBLE : {
      locked: common(),
      failure: rare(),
      lostAnswer: rare(),
      repeat: rare(),
      stall: rare(),
      crash: rare(),
      leave: common(),
      giveBack: common(),
      step: 0,
      freeze: 0,
      reset: 0,
    },
  };
}

/** A scenario with large buckets that are much asked of: tokens are leased there. */
export function leasedScenario(random: Random): Scenario {
  const rare = () => random.pick([0, 0, 0.02, 0.1]);
  return {
    ...anyScenario(random),
    limits: random.list(1, 2, (index) => largeLimit(random, `limit${index}`)),
    clients: 1,
    steps: random.int(10, 40),
    crowd: random.pick([10, 40, 100]),
    rush: random.pick([0.05, 0.2]),
    pauseMs: random.pick([5, 20, 100]),
    latencyMs: random.pick([0, 3, 20, 60]),
    maxBuckets: 100,
    troubles: random.bool(0.2) ? NO_TROUBLE : {
      locked: rare(),
      failure: rare(),
      lostAnswer: rare(),
      repeat: rare(),
      stall: rare(),
      crash: rare(),
      leave: rare(),
      giveBack: random.pick([0, 0.3, 0.9]),
      step: rare(),
      freeze: rare(),
      reset: 0,
    },
  };
}

/** Any scenario in which the operator fills buckets now and then, and much comes back. */
export function withResets(scenario: Scenario, random: Random): Scenario {
  const reset = random.pick([0.05, 0.3]);
  const giveBack = random.pick([0.1, 0.6]);
  return { ...scenario, troubles: { ...scenario.troubles, reset, giveBack } };
}

function largeLimit(random: Random, name: string): Limit {
  const burst = random.int(100, 400);
  const fillMs = random.pick([200, 1_000, 1_000, 4_000]);
  return {
    name,
    shape: bucketShape(burst, fillMs, burst),
    waitMs: random.pick([0, 0, 300]),
    queue: random.int(1, 50),
    onStoreFailure: "closed",
  };
}

function anyLimit(random: Random, name: string): Limit {
  const burst = random.int(1, 8);
  return {
    name,
    shape: bucketShape(random.int(1, 30), random.pick([100, 1_000, 5_000, 7_777]), burst),
    waitMs: random.pick([0, 0, 300, 3_000]),
    queue: random.int(1, 5),
    onStoreFailure: "closed",
  };
}

function never<T>(): Promise<T> {
  return new Promise(() => {});
}
