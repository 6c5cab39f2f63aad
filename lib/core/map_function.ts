/** Computes a part's data from its response and the data of the parts it needs. */
export type MapFunction = (data: unknown, parts: Readonly<Record<string, unknown>>) => unknown;

/** An error that a config's function threw; for the log, not for clients. */
export class MapError extends Error {
  /** The name in a stack trace. */
  override readonly name = "MapError";
}
