import type { Figures } from "../../lib/observe/recent_figures.ts";
import { failureClass } from "./figure_cells.tsx";
import { ms, share } from "./format.ts";

/** A node of a route's graph: a part, or the upstream of a forward. */
export interface GraphNode {
  readonly name: string;
  readonly upstream: string;
  /** The names of the nodes that must succeed before. */
  readonly needs: readonly string[];
  readonly isOptional: boolean;
  /** `cached`, `each`, `pages`, … */
  readonly notes: readonly string[];
  readonly figures: Figures | undefined;
}

interface Placed {
  readonly node: GraphNode;
  readonly x: number;
  readonly y: number;
}

/** Sizes (px). */
const BOX = { width: 164, height: 54 };
const START = { width: 84, height: 34 };
const GAP = { x: 196, y: 18 };
/** The straight end of an edge, where its label is (px). */
const STRAIGHT = 132;
const MARGIN = 8;

/** The graph of a route as a picture: what is called when, and how long each call takes. */
export function RouteGraph({ label, nodes }: { label: string; nodes: readonly GraphNode[] }) {
  const columns = columnsOf(nodes);
  const rows = Math.max(...columns.map((column) => column.length), 1);
  const height = rows * (BOX.height + GAP.y) - GAP.y + 2 * MARGIN;
  const placed = new Map<string, Placed>();
  columns.forEach((column, index) => {
    const free = height - 2 * MARGIN - column.length * (BOX.height + GAP.y) + GAP.y;
    column.forEach((node, row) => {
      placed.set(node.name, {
        node,
        x: MARGIN + START.width + GAP.x + index * (BOX.width + GAP.x),
        y: MARGIN + free / 2 + row * (BOX.height + GAP.y),
      });
    });
  });
  const width = MARGIN + START.width + columns.length * (GAP.x + BOX.width) + MARGIN;
  const middle = height / 2;
  return (
    <div class="scroll" tabindex={0} role="region" aria-label={`Graph of ${label}`}>
      <svg
        class="graph"
        viewBox={`0 0 ${width} ${height}`}
        width={width}
        height={height}
        role="img"
        aria-label={`${label}: ${nodes.map(described).join("; ")}`}
      >
        {[...placed.values()].map((at) => <Edges at={at} placed={placed} middle={middle} />)}
        <rect
          class="node start"
          x={MARGIN}
          y={middle - START.height / 2}
          width={START.width}
          height={START.height}
          rx={START.height / 2}
        />
        <text class="name" x={MARGIN + START.width / 2} y={middle + 5} text-anchor="middle">
          Request
        </text>
        {[...placed.values()].map((at) => <Box at={at} />)}
      </svg>
    </div>
  );
}

function Box({ at: { node, x, y } }: { at: Placed }) {
  const { name, upstream, isOptional, notes, figures } = node;
  const { failed = 0, count = 0 } = figures ?? {};
  const tone = failureClass(failed, count);
  const title = [name, isOptional ? "optional" : "required", ...notes].join(", ");
  return (
    <g>
      <title>{title}</title>
      <rect
        class={`node ${isOptional ? "optional" : ""} ${tone}`}
        x={x}
        y={y}
        width={BOX.width}
        height={BOX.height}
        rx={8}
      />
      <text class="name" x={x + 12} y={y + 22}>{shortened(name, 20)}</text>
      <text class="note" x={x + 12} y={y + 41}>
        {shortened([upstream, ...notes].join(" · "), 25)}
      </text>
    </g>
  );
}

function Edges(
  { at, placed, middle }: { at: Placed; placed: ReadonlyMap<string, Placed>; middle: number },
) {
  const { node: { needs, figures }, x, y } = at;
  const { count = 0, failed = 0, p50, p95 } = figures ?? {};
  const tone = count === 0 ? "idle" : failureClass(failed, count);
  const end = y + BOX.height / 2;
  const starts = needs.length === 0
    ? [{ x: MARGIN + START.width, y: middle }]
    : needs.flatMap((need) => {
      const from = placed.get(need);
      return from ? [{ x: from.x + BOX.width, y: from.y + BOX.height / 2 }] : [];
    });
  return (
    <g>
      {starts.map((start) => {
        const turn = x - STRAIGHT;
        const middle = (start.x + turn) / 2;
        const path =
          `M${start.x} ${start.y}C${middle} ${start.y} ${middle} ${end} ${turn} ${end}H${x}`;
        return <path class={`edge ${tone}`} d={path} />;
      })}
      {count > 0 && (
        <>
          <text class="edge-label" x={x - 8} y={end - 7} text-anchor="end">
            {`${ms(p50)} · p95 ${ms(p95)}`}
          </text>
          {failed > 0 && (
            <text class={`edge-label ${tone}`} x={x - 8} y={end + 16} text-anchor="end">
              {`${share(failed, count)} failed`}
            </text>
          )}
        </>
      )}
    </g>
  );
}

/** The nodes by how many others must come before them. */
function columnsOf(nodes: readonly GraphNode[]): GraphNode[][] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const depths = new Map<string, number>();
  const depthOf = (node: GraphNode): number => {
    const known = depths.get(node.name);
    if (known !== undefined) return known;
    const depth = Math.max(
      0,
      ...node.needs.map((need) => {
        const needed = byName.get(need);
        return needed ? depthOf(needed) + 1 : 0;
      }),
    );
    depths.set(node.name, depth);
    return depth;
  };
  const columns: GraphNode[][] = [];
  for (const node of nodes) (columns[depthOf(node)] ??= []).push(node);
  return columns;
}

function described({ name, upstream, needs, isOptional, figures }: GraphNode): string {
  const after = needs.length === 0 ? "at once" : `after ${needs.join(" and ")}`;
  const { count = 0, failed = 0, p50 } = figures ?? {};
  const figured = count === 0
    ? "not called lately"
    : `median ${ms(p50)}, ${share(failed, count)} failed`;
  return `${name} calls ${upstream} ${after}, ${isOptional ? "optional" : "required"}, ${figured}`;
}

function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
