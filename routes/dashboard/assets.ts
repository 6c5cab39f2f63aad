import morphdom from "morphdom/dist/morphdom-esm.js" with { type: "text" };
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import uplot from "uplot/dist/uPlot.esm.js" with { type: "text" };
import { digest } from "../../lib/core/digest.ts";
import style from "./assets/dashboard.css" with { type: "text" };
import script from "./assets/dashboard.js" with { type: "text" };
import icon from "./assets/icon.svg" with { type: "text" };

/** A file that pages load. */
export interface Asset {
  readonly text: string;
  readonly type: string;
  readonly etag: string;
}

const SCRIPT = "text/javascript; charset=utf-8";
const STYLE = "text/css; charset=utf-8";

/** The files that pages load, by name; those of packages come from the packages. */
export const assets: ReadonlyMap<string, Asset> = new Map([
  ["dashboard.css", asset(style, STYLE)],
  ["dashboard.js", asset(script, SCRIPT)],
  ["icon.svg", asset(icon, "image/svg+xml")],
  ["morphdom.js", asset(morphdom, SCRIPT)],
  ["uplot.js", asset(uplot, SCRIPT)],
  ["uplot.css", asset(uplotStyle, STYLE)],
]);

function asset(text: string, type: string): Asset {
  return { text, type, etag: `"${digest(text)}"` };
}
