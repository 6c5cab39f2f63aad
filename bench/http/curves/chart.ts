import { scale, type ScaleKind, ticks } from "./scale.ts";

/** An axis: what its values are, their unit in parentheses, and how they are placed. */
export interface Axis {
  readonly label: string;
  readonly kind: ScaleKind;
  /** The values to label; round ones that hold all points by default. */
  readonly ticks?: readonly number[];
}

/** One line of a chart; a guide is dashed, has no points of its own and does not widen the axes. */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly isGuide?: boolean;
}

/** What to draw. */
export interface Chart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
}

const WIDTH = 720;
const HEIGHT = 400;
const PLOT = { left: 76, right: 692, top: 78, bottom: 340 };
/** How much room a letter of the legend takes, its marker and the gap to the next. */
const LEGEND = { letter: 6.6, marker: 30, gap: 18 };

/** Colours that can be read on white and on black, each with a shape of its own. */
const STYLES = [
  { colour: "#2f81f7", shape: "circle" },
  { colour: "#d9730d", shape: "square" },
  { colour: "#2da44e", shape: "triangle" },
  { colour: "#a371f7", shape: "diamond" },
] as const;
const GUIDE = { colour: "#8b949e", shape: undefined };

const CSS = "text{font:12px system-ui,sans-serif;fill:#1f2328}.t{font-size:15px;font-weight:600}" +
  ".b{fill:#fff;stroke:#d0d7de}.g{stroke:#d0d7de;stroke-width:.6}" +
  "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.b{fill:#0d1117;stroke:#30363d}" +
  ".g{stroke:#30363d}}";

/** A chart as SVG, on a background of its own: light, or dark for who prefers that. */
export function drawChart({ title, x, y, lines }: Chart): string {
  const points = lines.flatMap(({ points, isGuide }) => isGuide ? [] : points);
  const [xTicks, yTicks] = [
    x.ticks ?? ticks(x.kind, points.map(([value]) => value)),
    y.ticks ?? ticks(y.kind, points.map(([, value]) => value)),
  ];
  const toX = scale(x.kind, ends(xTicks), [PLOT.left, PLOT.right]);
  const toY = scale(y.kind, ends(yTicks), [PLOT.bottom, PLOT.top]);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${CSS}</style>`,
    `<clipPath id="p"><rect x="${PLOT.left - 8}" y="${PLOT.top - 8}" ` +
    `width="${PLOT.right - PLOT.left + 16}" height="${PLOT.bottom - PLOT.top + 16}"/></clipPath>`,
    `<rect class="b" x=".5" y=".5" width="${WIDTH - 1}" height="${HEIGHT - 1}" rx="6"/>`,
    `<text class="t" x="20" y="28">${escaped(title)}</text>`,
    legend(lines),
    ...xTicks.map((value) => {
      const at = place(toX(value));
      return `<line class="g" x1="${at}" y1="${PLOT.top}" x2="${at}" y2="${PLOT.bottom}"/>` +
        `<text x="${at}" y="${PLOT.bottom + 18}" text-anchor="middle">${inWords(value)}</text>`;
    }),
    ...yTicks.map((value) => {
      const at = place(toY(value));
      return `<line class="g" x1="${PLOT.left}" y1="${at}" x2="${PLOT.right}" y2="${at}"/>` +
        `<text x="${PLOT.left - 8}" y="${place(toY(value) + 4)}" text-anchor="end">` +
        `${inWords(value)}</text>`;
    }),
    `<text x="${(PLOT.left + PLOT.right) / 2}" y="${HEIGHT - 18}" text-anchor="middle">` +
    `${escaped(x.label)}</text>`,
    `<text transform="translate(20 ${(PLOT.top + PLOT.bottom) / 2}) rotate(-90)" ` +
    `text-anchor="middle">${escaped(y.label)}</text>`,
    `<g clip-path="url(#p)">`,
    ...lines.map((line, index) =>
      drawLine(line.points.map(([x, y]) => [toX(x), toY(y)]), styleOf(line, index))
    ),
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

type Style = typeof STYLES[number] | typeof GUIDE;

function styleOf({ isGuide }: Line, index: number): Style {
  return isGuide ? GUIDE : STYLES[index % STYLES.length] ?? GUIDE;
}

function legend(lines: readonly Line[]): string {
  let left = 20;
  return lines.map((line, index) => {
    const [style, at] = [styleOf(line, index), left];
    left += LEGEND.marker + line.name.length * LEGEND.letter + LEGEND.gap;
    return drawLine([[at, 50], [at + 22, 50]], style, [[at + 11, 50]]) +
      `<text x="${place(at + LEGEND.marker)}" y="54">${escaped(line.name)}</text>`;
  }).join("\n");
}

type Place = readonly [x: number, y: number];

function drawLine(points: readonly Place[], { colour, shape }: Style, marked = points): string {
  const path = points.map(([x, y]) => `${place(x)},${place(y)}`).join(" ");
  const look = shape ? `stroke-width="2"` : `stroke-dasharray="5 4"`;
  const markers = shape ? marked.map((point) => MARKERS[shape](point)).join("") : "";
  return `<polyline points="${path}" fill="none" stroke="${colour}" ${look}/>` +
    (markers && `<g fill="${colour}">${markers}</g>`);
}

const MARKERS = {
  circle: ([x, y]: Place) => `<circle cx="${place(x)}" cy="${place(y)}" r="4"/>`,
  square: ([x, y]: Place) => path(x, y, "m-4-4h8v8h-8z"),
  triangle: ([x, y]: Place) => path(x, y, "m0-5 5 9h-10z"),
  diamond: ([x, y]: Place) => path(x, y, "m0-5 5 5-5 5-5-5z"),
};

function path(x: number, y: number, rest: string): string {
  return `<path d="M${place(x)} ${place(y)}${rest}"/>`;
}

function ends(values: readonly number[]): [number, number] {
  return [values[0] ?? 0, values.at(-1) ?? 1];
}

/** A tenth of a pixel is enough. */
function place(value: number): number {
  return Math.round(value * 10) / 10;
}

function inWords(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 4 });
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
