import type { Figures } from "../../lib/observe/recent_figures.ts";
import { ms, rate, share } from "./format.ts";

/** The heads of the columns that {@linkcode FigureCells} fills. */
export function FigureHeads({ unit }: { unit: string }) {
  return (
    <>
      <th scope="col" class="number">{unit}</th>
      <th scope="col" class="number">Median</th>
      <th scope="col" class="number">p95</th>
      <th scope="col" class="number">p99</th>
      <th scope="col" class="number">Failed</th>
    </>
  );
}

/** The figures of a row: rate, latencies and the share that failed. */
export function FigureCells({ figures }: { figures: Figures | undefined }) {
  const { count = 0, failed = 0, seconds = 1, p50, p95, p99 } = figures ?? {};
  return (
    <>
      <td class="number">{rate(count, seconds)}</td>
      <td class="number">{ms(p50)}</td>
      <td class="number">{ms(p95)}</td>
      <td class="number">{ms(p99)}</td>
      <td class={`number ${failureClass(failed, count)}`}>{share(failed, count)}</td>
    </>
  );
}

/** How bad a share of failures is: none, some, or more than one in twenty. */
export function failureClass(failed: number, count: number): "" | "warn" | "bad" {
  if (failed === 0) return "";
  return failed / count > 0.05 ? "bad" : "warn";
}
