import morphdom from "morphdom/dist/morphdom-esm.js" with { type: "text" };
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import uplot from "uplot/dist/uPlot.esm.js" with { type: "text" };
import { digest } from "../../lib/core/digest.ts";
import script from "./assets/dashboard.js" with { type: "text" };
import coloursStyle from "./assets/colours.css" with { type: "text" };
import figuresStyle from "./assets/figures.css" with { type: "text" };
import formsStyle from "./assets/forms.css" with { type: "text" };
import icon from "./assets/icon.svg" with { type: "text" };
import pageStyle from "./assets/page.css" with { type: "text" };
import picturesStyle from "./assets/pictures.css" with { type: "text" };
import smallScreenStyle from "./assets/small_screen.css" with { type: "text" };

/** A file that pages load. */
export interface Asset {
  readonly text: string;
  readonly type: string;
  readonly etag: string;
}

const SCRIPT = "text/javascript; charset=utf-8";
const STYLE = "text/css; charset=utf-8";

const style = [
  coloursStyle,
  pageStyle,
  figuresStyle,
  picturesStyle,
  formsStyle,
  smallScreenStyle,
].join("\n");

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
