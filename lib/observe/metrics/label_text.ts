/** Writes labels for the exposition; one with an empty value is the same as none: it is left out. */
export function labelText(names: readonly string[], values: readonly string[]): string {
  return names.flatMap((name, index) => {
    const value = values[index] ?? "";
    return value === "" ? [] : [`${name}="${escaped(value)}"`];
  }).join(",");
}

function escaped(value: string): string {
  return value.replaceAll(/[\\"\n]/g, (char) => char === "\n" ? "\\n" : `\\${char}`);
}
