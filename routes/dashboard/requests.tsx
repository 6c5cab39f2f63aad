import type { RecentFilter, RecentRequest } from "../../lib/observe/recent_requests.ts";
import { kindOf } from "../../lib/observe/recent_requests.ts";
import { count, ms, timeOfDay } from "./format.ts";
import type { View } from "./view.ts";

/** How many requests are listed. */
const MOST = 50;

const FILTERS = [
  ["", "All"],
  ["failed", "Failed (5xx)"],
  ["client", "Refused (4xx)"],
  ["slow", "Slow for their route"],
] as const;

/** The recent requests, each of which leads to its waterfall. */
export const requests: View = {
  name: "requests",
  title: "Requests",
  parameters: ["route", "show"],
  before({ settings, query }) {
    const [route, show] = [query.get("route") ?? "", query.get("show") ?? ""];
    return (
      <div class="forms">
        <form class="filters" method="get">
          <label>
            Show
            <select name="show">
              {FILTERS.map(([value, name]) => (
                <option value={value} selected={value === show}>{name}</option>
              ))}
            </select>
          </label>
          <label>
            Route
            <select name="route">
              <option value="">all routes</option>
              {settings.routes.map(({ key }) => (
                <option value={key} selected={key === route}>{key}</option>
              ))}
            </select>
          </label>
          <button type="submit">Filter</button>
        </form>
        <form class="filters" method="get" action="/_gateway/dashboard/requests/find">
          <label>
            Request id
            <input name="id" required placeholder="X-Request-Id" autocomplete="off" />
          </label>
          <button type="submit">Find</button>
        </form>
      </div>
    );
  },
  render({ traffic, query }) {
    const found = traffic.recent.list(filterOf(query), MOST);
    if (found.length === 0) {
      return (
        <p class="empty">
          No such requests lately. The last 1,000 are kept, failed and slow ones longer. Send one,
          or change the filter.
        </p>
      );
    }
    const longest = Math.max(...found.map(({ request }) => request.durationMs));
    return (
      <div class="scroll" tabindex={0} role="region" aria-label="Recent requests">
        <table class="requests">
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Route</th>
              <th scope="col">Status</th>
              <th scope="col" class="number">Duration</th>
              <th scope="col">
                <span class="unseen">Compared</span>
              </th>
              <th scope="col">What happened</th>
              <th scope="col">Client</th>
            </tr>
          </thead>
          <tbody>
            {found.map((recent) => <Row recent={recent} longest={longest} />)}
          </tbody>
        </table>
      </div>
    );
  },
};

function Row({ recent, longest }: { recent: RecentRequest; longest: number }) {
  const { request, isSlow } = recent;
  const { id, route, method, status, time, durationMs, client } = request;
  return (
    <tr id={`r-${id}`}>
      <td class="number">{timeOfDay(time)}</td>
      <th scope="row">
        <a href={`/_gateway/dashboard/requests/${encodeURIComponent(id)}`}>
          <code>{route ?? `${method.slice(0, 20)} (no route)`}</code>
          <span class="unseen">{` request ${id}`}</span>
        </a>
      </th>
      <td>
        <StatusBadge status={status} kind={kindOf(request)} />
      </td>
      <td class="number">{ms(durationMs)}</td>
      <td>
        <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
          <rect
            class="whole"
            x="0"
            y="0"
            width={Math.max(1, 100 * durationMs / longest)}
            height="8"
          />
        </svg>
      </td>
      <td>{summary(recent, isSlow)}</td>
      <td>
        <code>{client}</code>
      </td>
    </tr>
  );
}

/** A status with its colour. */
export function StatusBadge({ status, kind }: { status: number; kind: ReturnType<typeof kindOf> }) {
  const tone = { ok: "ok", client: "warn", failed: "bad" }[kind];
  return <span class={`badge ${tone}`}>{status}</span>;
}

/** What is remarkable about a request, in a few words. */
function summary({ request }: RecentRequest, isSlow: boolean): string {
  const { problem, ended, cache, parts, calls, waits } = request;
  const failed = parts.filter(({ problem }) => problem !== undefined && problem !== "cancelled");
  const retries = calls.filter(({ attempt }) => attempt > 1).length;
  const hedges = calls.filter(({ isHedge }) => isHedge).length;
  return [
    ...problem === undefined ? [] : [problem],
    ...ended === undefined ? [] : [ended],
    ...isSlow ? ["slow"] : [],
    ...cache === undefined || cache === "miss" ? [] : [`cache ${cache}`],
    ...failed.length === 0 ? [] : [`failed: ${failed.map(({ part }) => part).join(", ")}`],
    ...retries === 0 ? [] : [plural(retries, "retry", "retries")],
    ...hedges === 0 ? [] : [plural(hedges, "hedge", "hedges")],
    ...waits.length === 0 ? [] : [plural(waits.length, "wait", "waits")],
  ].join(" · ");
}

function plural(number: number, one: string, many: string): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

function filterOf(query: URLSearchParams): RecentFilter {
  const show = query.get("show");
  const kind = show === "failed" || show === "client" || show === "slow" ? show : undefined;
  return { route: query.get("route") || undefined, kind };
}
