/** The heap after a garbage collection (bytes); needs `--v8-flags=--expose-gc`. */
export function heapUsed(): number {
  const { gc } = globalThis as { readonly gc?: () => void };
  if (gc === undefined) throw new Error("run it with --v8-flags=--expose-gc");
  for (let turn = 0; turn < 3; turn++) gc();
  return Deno.memoryUsage().heapUsed;
}
