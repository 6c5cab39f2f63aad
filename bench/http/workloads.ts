/** A kind of request. */
export interface Workload {
  readonly name: string;
  readonly does: string;
  /** The path before and after the request's number; `{n}` in the second is the number again. */
  readonly path: readonly [before: string, after: string];
  /** What each request sends beside Host and the client's name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How many paths there are; undefined when no two requests are equal. */
  readonly documents?: number;
  /** How many clients name themselves in turn; undefined for one, known by its address. */
  readonly clients?: number;
  readonly status: "2xx" | "404" | "429";
  /** The contestant that the others' CPU is compared with. */
  readonly baseline: string;
}

/** An aggregate. */
export const fan = (parts: number, kilobytes: number): Workload => ({
  name: kilobytes === 1 ? `fan-${parts}` : `fan-${parts}-${kilobytes}k`,
  does: `an aggregate of ${parts} × ${kilobytes} KB`,
  path: [`/agg/${parts}/${kilobytes}/`, ""],
  status: "2xx",
  baseline: "fetch",
});

/** A response passed on. */
export const forward = (kilobytes: number): Workload => ({
  name: kilobytes === 1 ? "forward" : `forward-${kilobytes}k`,
  does: `${kilobytes} KB passed on`,
  path: [`/s${kilobytes}/p0.json?id=`, ""],
  status: "2xx",
  baseline: "fetch",
});

/** Every workload, in the order of the tables. */
export const WORKLOADS: readonly Workload[] = [
  fan(1, 1),
  fan(3, 1),
  fan(10, 1),
  fan(3, 10),
  fan(3, 100),
  {
    ...fan(3, 10),
    name: "compress",
    does: "an aggregate of 3 × 10 KB, compressed with gzip",
    headers: { "accept-encoding": "gzip" },
    baseline: "nginx-lua",
  },
  {
    name: "slow",
    does: "an aggregate of 3 × 1 KB, one of which takes 50 ms",
    path: ["/slow/", ""],
    status: "2xx",
    baseline: "fetch",
  },
  forward(1),
  forward(100),
  {
    name: "hit",
    does: "1 KB from the cache, ten documents",
    path: ["/c/p", ".json"],
    documents: 10,
    status: "2xx",
    baseline: "nginx",
  },
  {
    name: "allowed",
    does: "1 KB passed on, limited by client, 1,000 clients, all allowed",
    path: ["/allowed/p0.json?id=", ""],
    clients: 1_000,
    status: "2xx",
    baseline: "nginx",
  },
  {
    name: "denied",
    does: "429, the same clients, all denied",
    path: ["/denied/p0.json?id=", ""],
    clients: 1_000,
    status: "429",
    baseline: "nginx",
  },
];
