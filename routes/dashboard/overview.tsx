import type { UpstreamStatus } from "../../lib/upstream/upstream_status.ts";
import type { RouteTraffic } from "../../lib/observe/traffic.ts";
import type { Second } from "../../lib/observe/seconds.ts";
import { FigureCells, FigureHeads } from "./figure_cells.tsx";
import { bytes, count, ms, share } from "./format.ts";
import type { View, ViewData } from "./view.ts";

/** How many of the busiest routes are listed. */
const MOST_ROUTES = 10;
/** Over how many seconds the rates are taken. */
const RATE_SECONDS = 10;
/** From which share of failures, and how many requests, a route needs attention. */
const FAILING = { share: 0.05, count: 10 };

/** How the gateway does. */
export const overview: View = {
  name: "overview",
  title: "Overview",
  parameters: [],
  render(data) {
    const { traffic, clock, upstreams } = data;
    const now = clock.monotonic();
    const seconds = traffic.seconds(now);
    const routes = traffic.routes(now);
    return (
      <>
        <Tiles data={data} seconds={seconds.slice(-RATE_SECONDS)} now={now} />
        <Attention routes={routes} upstreams={upstreams()} />
        <section class="charts" aria-label="The last five minutes">
          <Chart
            id="rates"
            title="Requests per second"
            unit="/s"
            series={["All", "Failed (5xx)", "Limited (429)"]}
            values={[
              seconds.map(({ requests }) => requests),
              seconds.map(({ failed }) => failed),
              seconds.map(({ limited }) => limited),
            ]}
          />
          <Chart
            id="latencies"
            title="Latency"
            unit="ms"
            series={["Median", "p95", "p99"]}
            values={[
              seconds.map(({ p50 }) => rounded(p50)),
              seconds.map(({ p95 }) => rounded(p95)),
              seconds.map(({ p99 }) => rounded(p99)),
            ]}
          />
        </section>
        <Busiest routes={routes.slice(0, MOST_ROUTES)} />
      </>
    );
  },
};

function Tiles(
  { data, seconds, now }: { data: ViewData; seconds: readonly Second[]; now: number },
) {
  const { traffic, load, viewers } = data;
  const perSecond = (of: keyof Pick<Second, "requests" | "failed" | "limited">) =>
    seconds.reduce((sum, second) => sum + second[of], 0) / RATE_SECONDS;
  const [requests, failed, limited] = [
    perSecond("requests"),
    perSecond("failed"),
    perSecond("limited"),
  ];
  const { p50, p95, p99 } = traffic.all(now);
  const { inFlight, lagMs } = load();
  return (
    <dl class="tiles">
      <Tile name="Requests" value={`${count(requests)}/s`} note="last 10 s" />
      <Tile
        name="Failed"
        value={share(failed, requests)}
        note={`${count(failed)}/s with 5xx`}
        tone={failed > 0 ? "bad" : ""}
      />
      <Tile
        name="Limited"
        value={share(limited, requests)}
        note={`${count(limited)}/s with 429`}
        tone={limited > 0 ? "warn" : ""}
      />
      <Tile name="Median latency" value={ms(p50)} note="half are faster" />
      <Tile name="p95 latency" value={ms(p95)} note="95 % are faster" />
      <Tile name="p99 latency" value={ms(p99)} note="99 % are faster" />
      <Tile name="In flight" value={count(Math.max(0, inFlight - viewers))} note="requests" />
      <Tile
        name="Memory"
        value={bytes(process.memoryUsage.rss())}
        note={`loop lag ${ms(lagMs)}`}
      />
    </dl>
  );
}

function Tile(
  { name, value, note, tone = "" }: { name: string; value: string; note: string; tone?: string },
) {
  return (
    <div class="tile">
      <dt>{name}</dt>
      <dd class={`value ${tone}`}>{value}</dd>
      <dd class="note">{note}</dd>
    </div>
  );
}

function Attention(
  { routes, upstreams }: {
    routes: readonly RouteTraffic[];
    upstreams: readonly UpstreamStatus[];
  },
) {
  const found = [
    ...upstreams.flatMap(({ name, breaker, targets = [] }) => [
      ...breaker && breaker.state !== "closed"
        ? [
          `Upstream ${name}: circuit breaker ${breaker.state}, ${breaker.failed} of ${breaker.calls} calls failed`,
        ]
        : [],
      ...targets.filter(({ state }) => state !== "in-use")
        .map((target) => `Upstream ${name}: target ${target.name} is ${target.state}`),
    ]),
    ...routes
      .filter(({ whole: { count, failed } }) =>
        count >= FAILING.count && failed / count > FAILING.share
      )
      .map(({ route, whole: { count, failed } }) =>
        `Route ${route}: ${share(failed, count)} of its requests fail`
      ),
  ];
  return (
    <section aria-labelledby="attention">
      <h2 id="attention">Needs attention</h2>
      {found.length === 0
        ? <p class="fine">Nothing: all breakers are closed, all targets in use, no route fails.</p>
        : <ul class="alerts">{found.map((text) => <li>{text}</li>)}</ul>}
    </section>
  );
}

function Chart(
  { id, title, unit, series, values }: {
    id: string;
    title: string;
    unit: string;
    series: readonly string[];
    values: readonly (readonly (number | null)[])[];
  },
) {
  return (
    <figure class="chart">
      <figcaption id={`${id}-title`}>
        {title} <span class="note">last 5 minutes</span>
      </figcaption>
      <div
        id={id}
        role="img"
        aria-labelledby={`${id}-title`}
        data-chart
        data-unit={unit}
        data-series={series.join(";")}
        data-values={values.map((each) => each.join()).join(";")}
      >
        <p class="note" data-fallback>The chart needs JavaScript.</p>
      </div>
    </figure>
  );
}

function Busiest({ routes }: { routes: readonly RouteTraffic[] }) {
  if (routes.length === 0) {
    return (
      <section aria-labelledby="busiest">
        <h2 id="busiest">Busiest routes</h2>
        <p class="empty">
          No requests in the last minute. Send one to a route of the config, and it shows here.
        </p>
      </section>
    );
  }
  return (
    <section aria-labelledby="busiest">
      <h2 id="busiest">Busiest routes</h2>
      <div class="scroll" tabindex={0} role="region" aria-labelledby="busiest">
        <table>
          <thead>
            <tr>
              <th scope="col">Route</th>
              <FigureHeads unit="Requests" />
            </tr>
          </thead>
          <tbody>
            {routes.map(({ route, whole }) => (
              <tr>
                <th scope="row">
                  <a href={`/_gateway/dashboard/requests?route=${encodeURIComponent(route)}`}>
                    <code>{route}</code>
                  </a>
                </th>
                <FigureCells figures={whole} />
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 10) / 10;
}
