import type { Call } from "./source.ts";

/**
 * Whether a call may be made again, by a retry or a hedge. One that the config says is safe counts as
 * a GET.
 * @param methods the methods that may be repeated
 */
export function isRepeatable(
  { method, isSafe }: Pick<Call, "method" | "isSafe">,
  methods: ReadonlySet<string>,
): boolean {
  return methods.has(isSafe ? "GET" : method);
}
