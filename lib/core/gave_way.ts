/**
 * The cause of an error that a call has only because it is optional: had it been required, it would
 * have been made. Whoever shares the call as a required one makes it again.
 */
export class GaveWay extends Error {
  /** The name in a stack trace. */
  override readonly name = "GaveWay";
}
