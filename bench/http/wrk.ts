/** What one run of wrk measured. */
export interface WrkReport {
  /** Requests that got their whole response. */
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Responses with a status of 400 or above, or 1xx. */
  readonly not2xx: number;
  /** Connections that failed or timed out. */
  readonly socketErrors: number;
}

const MS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Reads the output of `wrk --latency`.
 * @throws {Error} when a figure is missing, which is how wrk reports that it could not run
 */
export function parseWrk(output: string): WrkReport {
  const find = (pattern: RegExp) => pattern.exec(output)?.[1];
  const number = (pattern: RegExp) => {
    const text = find(pattern);
    if (text === undefined) throw new Error(`wrk printed no ${pattern.source}:\n${output}`);
    return Number(text);
  };
  const errors = find(/Socket errors: (.+)/) ?? "";
  return {
    requests: number(/(\d+) requests in /),
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: milliseconds(find(/^\s+50%\s+(\S+)/m) ?? ""),
    p99Ms: milliseconds(find(/^\s+99%\s+(\S+)/m) ?? ""),
    not2xx: Number(find(/Non-2xx or 3xx responses: (\d+)/) ?? 0),
    socketErrors: (errors.match(/\d+/g) ?? []).reduce((sum, count) => sum + Number(count), 0),
  };
}

/** `1.50ms`, `820.00us` or `1.02s` in ms; NaN for anything else. */
export function milliseconds(text: string): number {
  const [, value = "", unit = ""] = /^([\d.]+)(us|ms|s|m|h)$/.exec(text) ?? [];
  return value === "" ? NaN : Number(value) * (MS[unit] ?? NaN);
}
