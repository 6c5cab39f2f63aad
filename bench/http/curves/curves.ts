import { fan, forward, type Workload } from "../workloads.ts";
import {
  BODIES_KB,
  fetchGateway,
  type Gateway,
  PARTS,
  ROUTES,
  sluice,
  sluiceWithClients,
  sluiceWithRoutes,
} from "./gateways.ts";

/** What one point of a line measures. */
export interface Sample {
  /** Which of the curve's gateways. */
  readonly gateway: string;
  readonly workload: Workload;
  readonly connections: number;
  /** How many requests to send before the first turn, beyond the warm-up. */
  readonly fill?: number;
}

/** One line of a curve: what to measure at each value. */
export interface LinePlan {
  readonly name: string;
  at(x: number): Sample;
}

/** What to measure, with one quantity that grows. */
export interface Curve {
  readonly name: string;
  readonly does: string;
  readonly xs: readonly number[];
  readonly gateways: Readonly<Record<string, Gateway>>;
  readonly lines: readonly LinePlan[];
}

const CONNECTIONS = 64;
/** So few that the requests that a turn's end cuts off do not count where each takes long. */
const FEW_CONNECTIONS = 8;
const BOTH = { sluice, fetch: fetchGateway };
/** After so many responses that cannot be stored, the cache layer stops reading the store. */
const FILL = 150;
/** Twice the buckets that Sluice has in memory; more would change nothing. */
const MOST_TO_FILL = 100_000;

/** A line for Sluice and one for the fetch gateway. */
function both(suffix: string, at: (x: number) => Omit<Sample, "gateway">): LinePlan[] {
  return ["sluice", "fetch"].map((gateway) => ({
    name: gateway + suffix,
    at: (x) => ({ gateway, ...at(x) }),
  }));
}

/** Every curve, in the order of the document. */
export const CURVES: readonly Curve[] = [
  {
    name: "parts",
    does: "aggregates of 1 to 100 parts, 1 KB each",
    xs: PARTS,
    gateways: BOTH,
    lines: both(
      "",
      (parts) => ({ workload: fan(parts, 1), connections: FEW_CONNECTIONS, fill: FILL }),
    ),
  },
  {
    name: "bodies",
    does: "bodies of 1 KB to 4 MB, as an aggregate's only part and passed on",
    xs: BODIES_KB,
    gateways: BOTH,
    lines: [
      ...both(
        ", 1 part",
        (size) => ({ workload: fan(1, size), connections: FEW_CONNECTIONS, fill: FILL }),
      ),
      ...both(
        ", forward",
        (size) => ({ workload: forward(size), connections: FEW_CONNECTIONS, fill: FILL }),
      ),
    ],
  },
  {
    name: "connections",
    does: "1 to 5,000 connections, all busy, with an aggregate of 3 × 1 KB",
    xs: [1, 16, 64, 256, 1_000, 2_000, 5_000],
    gateways: BOTH,
    lines: both("", (connections) => ({ workload: fan(3, 1), connections })),
  },
  {
    name: "routes",
    does: "1 to 5,000 routes: each in turn, and paths that no route matches",
    xs: ROUTES,
    gateways: Object.fromEntries(ROUTES.map((count) => [`${count}`, sluiceWithRoutes(count)])),
    lines: [
      {
        name: "match (1 KB passed on)",
        at: (routes) => ({
          gateway: `${routes}`,
          workload: { ...forward(1), path: ["/r", "/items/{n}"], documents: routes },
          connections: CONNECTIONS,
        }),
      },
      {
        name: "no match (404)",
        at: (routes) => ({
          gateway: `${routes}`,
          workload: { ...forward(1), path: ["/r", "/none/{n}"], documents: routes, status: "404" },
          connections: CONNECTIONS,
        }),
      },
    ],
  },
  {
    name: "clients",
    does: "1 to 1,000,000 clients, each with a limit of its own, requests of clients at random",
    xs: [1, 100, 10_000, 1_000_000],
    gateways: { sluice: sluiceWithClients },
    lines: [{
      name: "cache hit, limited by client",
      at: (clients) => ({
        gateway: "sluice",
        workload: { ...forward(1), path: ["/c/p", ".json"], documents: 10, clients },
        connections: CONNECTIONS,
        fill: clients === 1 ? 0 : Math.min(clients, MOST_TO_FILL),
      }),
    }],
  },
];
