import * as v from "valibot";

/** A figure; null where not one request was completed. */
const figure = v.nullable(v.number());

const POINT = v.object({
  x: v.number(),
  perSecond: figure,
  /** CPU time of the gateway for each request (µs). */
  cpuMicros: figure,
  /** The smallest and the largest of a turn. */
  spread: v.tuple([figure, figure]),
  p50Ms: figure,
  p99Ms: figure,
  rssMb: v.number(),
  /** Responses with another status than expected, and connections that failed. */
  wrong: v.number(),
  /** How much of the gateway's core other processes used; absent when not pinned. */
  otherShare: v.optional(v.number()),
});

const MEASURED = v.object({
  name: v.string(),
  date: v.string(),
  command: v.string(),
  machine: v.string(),
  deno: v.string(),
  rounds: v.number(),
  seconds: v.number(),
  lines: v.array(v.object({ name: v.string(), points: v.array(POINT) })),
});

const REPORT = v.object({ curves: v.array(MEASURED) });

/** The measurements of one line at one value of x. */
export type Point = v.InferOutput<typeof POINT>;

/** One curve as measured: a line for each gateway and kind of request. */
export type MeasuredCurve = v.InferOutput<typeof MEASURED>;

/** All curves; those of several runs, if they were measured one by one. */
export type CurvesReport = v.InferOutput<typeof REPORT>;

/**
 * Reads the JSON of an earlier run.
 * @throws {v.ValiError} when it is of another form
 */
export function parseReport(text: string): CurvesReport {
  return v.parse(REPORT, JSON.parse(text));
}

/** A report with curves measured anew in place of its own of the same name. */
export function withCurves(
  { curves }: CurvesReport,
  measured: readonly MeasuredCurve[],
): CurvesReport {
  const names = measured.map(({ name }) => name);
  return { curves: [...curves.filter(({ name }) => !names.includes(name)), ...measured] };
}
