/** The most edits at which a suggestion still helps; fewer for short words. */
const MOST_EDITS = 2;

/** Returns `; did you mean "timeout"?`, or `; available: …`; empty if nothing is known. */
export function suggest(wrong: string, known: readonly string[]): string {
  const best = nearest(wrong, known, MOST_EDITS);
  if (best !== undefined) return `; did you mean "${best}"?`;
  return known.length > 0 ? `; available: ${known.join(", ")}` : "";
}

/**
 * Returns the known word that a wrong one is nearest to; undefined if none is near.
 * @param mostEdits maximum edits between them, besides a third of the word
 */
export function nearest(
  wrong: string,
  known: readonly string[],
  mostEdits: number,
): string | undefined {
  let best: string | undefined;
  let fewest = Math.min(mostEdits, Math.floor((wrong.length + 1) / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - wrong.length) >= fewest) continue;
    const edits = editDistance(wrong.toLowerCase(), candidate.toLowerCase());
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  return best;
}

/** Returns the edits that turn one word into the other; a transposition counts once (Damerau, 1964). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number) => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= a.length; row++) {
    rows.push([row]);
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwap = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      rows[row]?.push(Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (isSame ? 0 : 1),
        isSwap ? at(row - 2, column - 2) + 1 : Infinity,
      ));
    }
  }
  return at(a.length, b.length);
}
