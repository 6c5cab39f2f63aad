import type { Axis, Chart, Line } from "./chart.ts";
import type { MeasuredCurve, Point } from "./report.ts";

/** How a curve is drawn, one picture for each figure. */
interface Look {
  readonly x: string;
  readonly pictures: readonly Picture[];
}

interface Picture {
  /** Added to the curve's name for the file's name. */
  readonly suffix?: string;
  readonly title: string;
  readonly y: Axis;
  /** What the picture shows; CPU by default. */
  readonly figure?: Figure;
  /** Whether to draw what growing in proportion would look like. */
  readonly hasGuide?: boolean;
}

/** A figure of a point, which may depend on the line's others. */
export type Figure = (point: Point, points: readonly Point[]) => number | null;

const CPU = { label: "CPU per request (µs)", kind: "linear" } as const;
const LOG_CPU = { ...CPU, kind: "log" } as const;

/** The connections whose throughput others are compared with. */
const USUAL_CONNECTIONS = 64;

/** Requests per second compared with those at 64 connections. */
export const relativeThroughput: Figure = ({ perSecond }, points) => {
  const usual = points.find(({ x }) => x === USUAL_CONNECTIONS)?.perSecond;
  return perSecond === null || !usual ? null : perSecond / usual;
};

const LOOKS: Readonly<Record<string, Look>> = {
  parts: {
    x: "parts per request",
    pictures: [{ title: "CPU by parts per request (1 KB each)", y: LOG_CPU, hasGuide: true }],
  },
  bodies: {
    x: "size of the body (KB)",
    pictures: [{ title: "CPU by size of the body", y: LOG_CPU, hasGuide: true }],
  },
  connections: {
    x: "connections, all busy",
    pictures: [
      {
        title: "Throughput by connections (3 parts of 1 KB)",
        y: { label: "requests/s, relative to 64 connections", kind: "linear" },
        figure: relativeThroughput,
      },
      {
        suffix: "_p99",
        title: "Latency by connections (3 parts of 1 KB)",
        y: { label: "99th percentile (ms)", kind: "log" },
        figure: ({ p99Ms }) => p99Ms,
      },
    ],
  },
  routes: {
    x: "routes",
    pictures: [{ title: "CPU by number of routes", y: CPU }],
  },
  clients: {
    x: "clients with a limit of their own",
    pictures: [{ title: "CPU by number of clients", y: CPU }],
  },
};

/** The pictures of a curve: the name of the file, and what to draw. */
export function chartsOf(curve: MeasuredCurve): { file: string; chart: Chart }[] {
  const look = LOOKS[curve.name];
  if (!look) throw new Error(`no pictures are planned for the curve "${curve.name}"`);
  const xs = curve.lines[0]?.points.map(({ x }) => x) ?? [];
  return look.pictures.map(({ suffix = "", title, y, figure = cpuOf, hasGuide }) => {
    const lines: Line[] = curve.lines.map(({ name, points }) => ({
      name,
      points: points.flatMap((point) => {
        const value = figure(point, points);
        const isDrawn = value !== null && (value > 0 || y.kind === "linear");
        return isDrawn ? [[point.x, value] as const] : [];
      }),
    }));
    return {
      file: `${curve.name}${suffix}.svg`,
      chart: {
        title,
        x: { label: look.x, kind: "log", ticks: xs },
        y,
        lines: hasGuide ? [...lines, ...guide(lines[0], xs)] : lines,
      },
    };
  });
}

/** What the axis of a curve is. */
export function xLabel(name: string): string {
  return LOOKS[name]?.x ?? "";
}

const cpuOf: Figure = ({ cpuMicros }) => cpuMicros;

/** From the first point of a line, in proportion. */
function guide(line: Line | undefined, xs: readonly number[]): Line[] {
  const [first] = line?.points ?? [];
  if (!line || !first) return [];
  const [x, y] = first;
  return [{
    name: "in proportion",
    isGuide: true,
    points: xs.map((value) => [value, y * value / x]),
  }];
}
