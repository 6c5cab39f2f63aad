import type { Settings } from "../../lib/config/gateway.ts";
import type { RouteSettings } from "../../lib/config/route.ts";
import type { Figures } from "../../lib/observe/recent_figures.ts";
import type { RouteTraffic } from "../../lib/observe/traffic.ts";
import { explainRoute, type RouteExplanation } from "../../lib/upstream/explain.ts";
import { FigureCells, FigureHeads } from "./figure_cells.tsx";
import { ms } from "./format.ts";
import { type GraphNode, RouteGraph } from "./route_graph.tsx";
import type { View } from "./view.ts";

/** How many graphs are drawn at once, those of the busiest routes. */
const MOST_DRAWN = 12;

/** The graph of each route, with how its parts do. */
export const routes: View = {
  name: "routes",
  title: "Routes",
  parameters: ["route"],
  before({ settings, query }) {
    if (settings.routes.length <= MOST_DRAWN) return null;
    const selected = query.get("route") ?? "";
    return (
      <form class="filters" method="get">
        <label>
          Route
          <select name="route">
            <option value="">the busiest {MOST_DRAWN}</option>
            {settings.routes.map(({ key }) => (
              <option value={key} selected={key === selected}>{key}</option>
            ))}
          </select>
        </label>
        <button type="submit">Show</button>
      </form>
    );
  },
  render({ settings, traffic, clock, query }) {
    const busy = new Map(traffic.routes(clock.monotonic()).map((each) => [each.route, each]));
    const wanted = query.get("route");
    const countOf = ({ key }: RouteSettings) => busy.get(key)?.whole.count ?? 0;
    const shown = settings.routes
      .filter(({ key }) => !wanted || key === wanted)
      .toSorted((a, b) => countOf(b) - countOf(a))
      .slice(0, MOST_DRAWN);
    if (shown.length === 0) return <p class="empty">The config has no such route.</p>;
    return shown.map((route) => (
      <Route route={route} settings={settings} traffic={busy.get(route.key)} />
    ));
  },
};

function Route(
  { route, settings, traffic }: {
    route: RouteSettings;
    settings: Settings;
    traffic: RouteTraffic | undefined;
  },
) {
  const explained = explainRoute(route, settings);
  const { kind, deadlineMs, worstCaseMs, limits, cache } = explained;
  const nodes = nodesOf(explained, traffic);
  const facts = [
    KINDS[kind],
    `deadline ${ms(deadlineMs)}`,
    `worst case ${ms(worstCaseMs)}`,
    limits.length === 0 ? "no limits" : `limits: ${limits.map(({ name }) => name).join(", ")}`,
    ...cache ? ["cached"] : [],
  ];
  const id = `route-${settings.routes.indexOf(route)}`;
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>
        <code>{route.key}</code>
        <a
          class="more"
          href={`/_gateway/dashboard/requests?route=${encodeURIComponent(route.key)}`}
        >
          recent requests<span class="unseen">{` of ${route.key}`}</span>
        </a>
      </h2>
      <p class="note">{facts.join(" · ")}</p>
      {nodes.length > 0 && <RouteGraph label={route.key} nodes={nodes} />}
      <div class="scroll" tabindex={0} role="region" aria-label={`Figures of ${route.key}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">Part</th>
              <FigureHeads unit="Rate" />
            </tr>
          </thead>
          <tbody>
            <Row name="whole request" figures={traffic?.whole} />
            {explained.parts?.map(({ part }) => (
              <Row name={part} figures={traffic?.parts.get(part)} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const KINDS = {
  gather: "gathers its parts",
  quorum: "waits for a quorum of its parts",
  first: "takes the first part that succeeds",
  forward: "forwards the request",
  batch: "runs several requests",
} as const;

function Row({ name, figures }: { name: string; figures: Figures | undefined }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <FigureCells figures={figures} />
    </tr>
  );
}

function nodesOf(
  { parts, forward, cache }: RouteExplanation,
  traffic: RouteTraffic | undefined,
): GraphNode[] {
  if (forward) {
    const { upstream } = forward;
    return [{
      name: upstream,
      upstream: "forward",
      needs: [],
      isOptional: false,
      notes: cache ? ["cached"] : [],
      figures: traffic?.whole,
    }];
  }
  return (parts ?? []).map(({ part, upstream, needs, optional, cache, each, pages }) => ({
    name: part,
    upstream,
    needs,
    isOptional: optional,
    notes: [...each ? ["each"] : [], ...pages ? ["pages"] : [], ...cache ? ["cached"] : []],
    figures: traffic?.parts.get(part),
  }));
}
