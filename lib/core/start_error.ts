/**
 * An error that prevents the gateway from starting; its message names the cause, the place and a
 * remedy.
 */
export class StartError extends Error {
  override readonly name: string = "StartError";
}
