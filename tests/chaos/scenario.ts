import type { Outcomes } from "./load.ts";
import type { Behaviours } from "./upstreams.ts";
import type { Verdict } from "./verdict.ts";

/** Keys of an upstream; the gateway that is given them checks them. */
export type Policies = Readonly<Record<string, unknown>>;

/** A gateway, and what it is asked. */
export interface Side {
  /** The config, for the URL of each upstream. */
  readonly config: (url: Readonly<Record<string, string>>) => object;
  /** The path of the request of that number. */
  readonly path: (index: number) => string;
}

/** A part of a scenario; all of its figures are reported apart. */
export interface Phase {
  readonly name: string;
  readonly seconds: number;
  /** Requests per second. */
  readonly rate: number;
  /** How upstreams behave from 200 ms after its beginning. */
  readonly change?: Behaviours;
}

/** What misbehaves, and what the gateway promises then, with and without its policies. */
export interface Scenario {
  readonly name: string;
  /** The upstreams at first. */
  readonly upstreams: Behaviours;
  /** What the `off` side does without. */
  readonly off: Side;
  readonly on: Side;
  readonly phases: readonly Phase[];
  readonly promises: (results: Results) => readonly Verdict[];
}

/** What a phase came to on one side. */
export interface Measured extends Outcomes {
  readonly seconds: number;
  /** Calls that each upstream got. */
  readonly calls: Readonly<Record<string, number>>;
  /** The most calls at one time that each upstream had, for each half second. */
  readonly peaks: Readonly<Record<string, readonly number[]>>;
}

/** What all phases came to, by name. */
export interface Results {
  readonly off: (phase: string) => Measured;
  readonly on: (phase: string) => Measured;
}

/** All calls to upstreams, or those to some. */
export function callsOf({ calls }: Measured, ...names: readonly string[]): number {
  const counted = names.length === 0 ? Object.values(calls) : names.map((name) => calls[name] ?? 0);
  return counted.reduce((sum, count) => sum + count, 0);
}
