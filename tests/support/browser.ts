import axe from "axe-core/axe.min.js" with { type: "text" };
import { assert } from "@std/assert";
import type { Page } from "playwright-core";

/** What axe finds on the page that is serious or worse. @param rules which rules (default: all) */
export async function barriers(page: Page, rules?: readonly string[]): Promise<string[]> {
  await page.evaluate(axe);
  const found: unknown = await page.evaluate(
    `axe.run(${JSON.stringify(rules ? { runOnly: rules } : {})}).then(({ violations }) => violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html).join(" ")))`,
  );
  assert(Array.isArray(found));
  return found.map(String);
}

/** Debian's Chromium, or another; undefined where there is none. */
export async function findChromium(): Promise<string | undefined> {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
      const path = `${folder}/${name}`;
      if (await Deno.stat(path).then(({ isFile }) => isFile, () => false)) return path;
    }
  }
  return undefined;
}
