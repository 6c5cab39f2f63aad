/** W3C Trace Context, section 3.2.2: a trace's id and a span's, neither all zeros, and flags. */
const FIELDS = "(?!0{32})[\\da-f]{32}-(?!0{16})[\\da-f]{16}-[\\da-f]{2}";
/** Later versions may add fields (section 3.2.4); a comma joins several values, which are invalid. */
const TRACEPARENT = new RegExp(`^(?:00-${FIELDS}|(?!00|ff)[\\da-f]{2}-${FIELDS}(?:-[^,]*)?)$`);

/** Whether a `traceparent` is valid; invalid ones are not passed on. */
export function isTraceparent(value: string | null | undefined): value is string {
  return typeof value === "string" && TRACEPARENT.test(value);
}
