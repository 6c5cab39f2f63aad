/** Something that keeps the gateway from starting; its message says what, where and what to do. */
export class StartError extends Error {
  override readonly name: string = "StartError";
}
