import type { Figures } from "../../lib/observe/recent_figures.ts";
import type { TargetStatus, UpstreamStatus } from "../../lib/upstream/upstream_status.ts";
import { FigureCells, FigureHeads } from "./figure_cells.tsx";
import { count, ms } from "./format.ts";
import type { View } from "./view.ts";

/** How the upstreams do. */
export const upstreams: View = {
  name: "upstreams",
  title: "Upstreams",
  parameters: [],
  render({ upstreams, traffic, clock }) {
    const now = clock.monotonic();
    const all = upstreams();
    if (all.length === 0) {
      return (
        <p class="empty">
          No route calls an upstream. Name one in the config under{" "}
          <code>upstreams</code>, and call it from a route.
        </p>
      );
    }
    return (
      <div class="cards">
        {all.map((upstream) => (
          <Upstream upstream={upstream} figures={traffic.upstream(upstream.name, now)} />
        ))}
      </div>
    );
  },
};

const BREAKER = {
  "closed": ["ok", "Breaker closed"],
  "open": ["bad", "Breaker open"],
  "half-open": ["warn", "Breaker half-open"],
} as const;

function Upstream(
  { upstream, figures }: { upstream: UpstreamStatus; figures: Figures | undefined },
) {
  const { name, breaker, concurrency, retriesLeft, hedgesLeft, targets } = upstream;
  const { inFlight, max, waiting, queue } = concurrency;
  const [tone, state] = breaker ? BREAKER[breaker.state] : ["", "No breaker"];
  return (
    <section class="card" id={`upstream-${name}`} aria-labelledby={`upstream-${name}-name`}>
      <h2 id={`upstream-${name}-name`}>
        {name} <span class={`badge ${tone}`}>{state}</span>
      </h2>
      <div class="scroll" tabindex={0} role="region" aria-label={`Attempts to ${name}`}>
        <table>
          <thead>
            <tr>
              <FigureHeads unit="Attempts" />
            </tr>
          </thead>
          <tbody>
            <tr>
              <FigureCells figures={figures} />
            </tr>
          </tbody>
        </table>
      </div>
      <dl class="facts">
        <Fact name="In flight" value={max === null ? count(inFlight) : `${inFlight} of ${max}`} />
        {max !== null && <Fact name="Waiting for a slot" value={`${waiting} of ${queue}`} />}
        <Fact name="Retries left this second" value={count(retriesLeft)} />
        {hedgesLeft !== undefined && <Fact name="Hedges left" value={count(hedgesLeft)} />}
        {breaker && (
          <Fact
            name={breaker.state === "closed"
              ? "Calls in the breaker's window"
              : "Calls that opened it"}
            value={`${breaker.calls}: ${breaker.failed} failed, ${breaker.slow} slow`}
          />
        )}
      </dl>
      {targets && <Targets targets={targets} upstream={name} />}
    </section>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

const TARGET = {
  "in-use": ["ok", "in use"],
  "held": ["warn", "paused by Retry-After"],
  "ejected": ["bad", "ejected: calls failed"],
  "unhealthy": ["bad", "unhealthy: checks fail"],
} as const;

function Targets({ targets, upstream }: { targets: readonly TargetStatus[]; upstream: string }) {
  return (
    <div class="scroll" tabindex={0} role="region" aria-label={`Targets of ${upstream}`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Target</th>
            <th scope="col">State</th>
            <th scope="col" class="number">In flight</th>
            <th scope="col" class="number">Latency</th>
          </tr>
        </thead>
        <tbody>
          {targets.map(({ name, state, inFlight, latencyMs }) => (
            <tr>
              <th scope="row">
                <code>{name}</code>
              </th>
              <td>
                <span class={`badge ${TARGET[state][0]}`}>{TARGET[state][1]}</span>
              </td>
              <td class="number">{count(inFlight)}</td>
              <td class="number">{ms(latencyMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
