/** Makes a part's data of what its upstream answered, and of what the parts that it needs did. */
export type MapFunction = (data: unknown, parts: Readonly<Record<string, unknown>>) => unknown;

/** The mistake of a function that a config has; for the log, not for the client. */
export class MapError extends Error {
  /** What it is called in a stack trace. */
  override readonly name = "MapError";
}
