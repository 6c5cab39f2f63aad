import type { CallRecord, WaitRecord } from "../../lib/core/trace.ts";
import type { EndedPart, EndedRequest } from "../../lib/observe/ended_request.ts";
import { kindOf, type RecentRequest } from "../../lib/observe/recent_requests.ts";
import { ms, timeOfDay } from "./format.ts";
import { StatusBadge } from "./requests.tsx";

/** One line of the waterfall. */
interface Line {
  readonly depth: 0 | 1 | 2;
  readonly name: string;
  readonly details: readonly string[];
  /** From the arrival of the request (ms); undefined for what never started. */
  readonly from: number | undefined;
  /** Undefined while it runs. */
  readonly durationMs: number | undefined;
  readonly tone: "whole" | "part" | "call" | "hedge" | "wait" | "hit" | "bad";
}

/** How many lines are shown; a gather over a long list has more. */
const MOST_LINES = 200;

/** What a request did, when, and for how long. */
export function Waterfall({ recent: { request, isSlow } }: { recent: RecentRequest }) {
  const { id, route, method, status, time, durationMs, client, problem, traceId, ended } = request;
  const lines = linesOf(request);
  const end = Math.max(
    durationMs,
    ...lines.map(({ from = 0, durationMs = 0 }) => from + durationMs),
    0.1,
  );
  const facts: [string, string | undefined][] = [
    ["Request id", id],
    ["Arrived", `${new Date(time).toISOString().slice(0, 10)} ${timeOfDay(time)}`],
    ["Took", ms(durationMs) + (isSlow ? ", slow for its route" : "")],
    ["Client", client],
    ["Problem", problem],
    ["Ended early", ended],
    ["Trace id", traceId],
  ];
  return (
    <>
      <div class="heading">
        <h1>
          <code>{route ?? `${method.slice(0, 20)} (no route)`}</code>{" "}
          <StatusBadge status={status} kind={kindOf(request)} />
        </h1>
      </div>
      <dl class="facts wide">
        {facts.map(([name, value]) =>
          value !== undefined && (
            <div>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          )
        )}
      </dl>
      <h2 id="waterfall">Waterfall</h2>
      <div class="scroll" tabindex={0} role="region" aria-labelledby="waterfall">
        <table class="waterfall">
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col" class="scale">
                <div>
                  <span>0 ms</span>
                  <span>{ms(end / 2)}</span>
                  <span>{ms(end)}</span>
                </div>
              </th>
              <th scope="col" class="number">Took</th>
              <th scope="col" class="number">Start</th>
              <th scope="col">Details</th>
            </tr>
          </thead>
          <tbody>
            {lines.slice(0, MOST_LINES).map((line) => <Row line={line} end={end} />)}
          </tbody>
        </table>
      </div>
      {lines.length > MOST_LINES && (
        <p class="note">{`${lines.length - MOST_LINES} more are not shown.`}</p>
      )}
      <Legend />
    </>
  );
}

function Row({ line, end }: { line: Line; end: number }) {
  const { depth, name, details, from, durationMs, tone } = line;
  const x = 100 * (from ?? 0) / end;
  const width = Math.max(0.4, 100 * (durationMs ?? end - (from ?? 0)) / end);
  return (
    <tr class={`depth-${depth}`}>
      <th scope="row">{name}</th>
      <td class="scale">
        {from !== undefined && (
          <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
            <rect class={tone} x={Math.min(x, 99.6)} y="0" width={width} height="10" />
          </svg>
        )}
      </td>
      <td class="number">{durationMs === undefined ? "runs on" : ms(durationMs)}</td>
      <td class="number">{ms(from)}</td>
      <td>{details.join(" · ")}</td>
    </tr>
  );
}

function Legend() {
  const entries = [
    ["part", "part"],
    ["call", "attempt"],
    ["hedge", "hedge"],
    ["wait", "wait"],
    ["hit", "from cache"],
    ["bad", "failed"],
  ] as const;
  return (
    <ul class="legend" aria-label="Colours">
      {entries.map(([tone, name]) => (
        <li>
          <svg class="key" viewBox="0 0 10 10" aria-hidden="true">
            <rect class={tone} width="10" height="10" />
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}

function linesOf(request: EndedRequest): Line[] {
  const { arrivedAt, durationMs, parts, calls, waits, cache, problem } = request;
  const isHit = cache === "hit" || cache === "stale";
  const whole: Line = {
    depth: 0,
    name: "Request",
    details: [
      ...cache === undefined ? [] : [`cache ${cache}`],
      ...problem === undefined ? [] : [problem],
    ],
    from: 0,
    durationMs,
    tone: problem !== undefined ? "bad" : isHit ? "hit" : "whole",
  };
  const names = new Set(parts.map(({ part }) => part));
  const within = (part: string | undefined, depth: 1 | 2) =>
    [
      ...waits.filter((wait) => wait.part === part).map((wait) => waitLine(wait, arrivedAt, depth)),
      ...calls.filter((call) => call.part === part).map((call) => callLine(call, arrivedAt, depth)),
    ].sort((a, b) => (a.from ?? 0) - (b.from ?? 0));
  const others = [...calls, ...waits].map(({ part }) => part)
    .filter((part) => part !== undefined && !names.has(part));
  return [
    whole,
    ...within(undefined, 1),
    ...parts.toSorted((a, b) => (a.startedAt ?? Infinity) - (b.startedAt ?? Infinity))
      .flatMap((part) => [partLine(part, arrivedAt), ...within(part.part, 2)]),
    ...[...new Set(others)].flatMap((part) => within(part, 1)),
  ];
}

function partLine(part: EndedPart, arrivedAt: number): Line {
  const { startedAt, durationMs, problem, cache } = part;
  const isHit = cache === "hit" || cache === "stale";
  return {
    depth: 1,
    name: part.part,
    details: [
      ...startedAt === undefined ? ["never called"] : [],
      ...cache === undefined ? [] : [`cache ${cache}`],
      ...problem === undefined ? [] : [problem],
    ],
    from: startedAt === undefined ? undefined : startedAt - arrivedAt,
    durationMs: startedAt === undefined ? 0 : durationMs,
    tone: problem !== undefined && problem !== "cancelled" ? "bad" : isHit ? "hit" : "part",
  };
}

function callLine(call: CallRecord, arrivedAt: number, depth: 1 | 2): Line {
  const { upstream, target, attempt, isHedge, startedAt, durationMs, status, problem, cause } =
    call;
  const isFailed = (problem !== undefined && problem !== "cancelled") || (status ?? 0) >= 500;
  return {
    depth,
    name: isHedge ? `hedge to ${upstream}` : `attempt ${attempt} to ${upstream}`,
    details: [
      ...target === undefined ? [] : [target],
      ...status === undefined ? [] : [`status ${status}`],
      ...problem === undefined ? [] : [problem],
      ...cause === undefined ? [] : [cause],
    ],
    from: startedAt - arrivedAt,
    durationMs,
    tone: isFailed ? "bad" : isHedge ? "hedge" : "call",
  };
}

const WAITS: Readonly<Record<WaitRecord["for"], string>> = {
  limits: "wait for rate limit tokens",
  rate: "wait for the upstream's rate",
  concurrency: "wait for a slot",
  backoff: "wait before a retry",
  shared: "wait for an identical call",
};

function waitLine(wait: WaitRecord, arrivedAt: number, depth: 1 | 2): Line {
  const { startedAt, durationMs, upstream } = wait;
  return {
    depth,
    name: WAITS[wait.for],
    details: upstream === undefined ? [] : [upstream],
    from: startedAt - arrivedAt,
    durationMs,
    tone: "wait",
  };
}
