/** W3C Trace Context, level 1, section 3.2: a trace's id and a span's, neither all zeros. */
const TRACEPARENT =
  /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-.*)?$/;

/** Whether a `traceparent` is valid; invalid ones are not passed on. */
export function isTraceparent(value: string | null | undefined): value is string {
  return typeof value === "string" && TRACEPARENT.test(value);
}
