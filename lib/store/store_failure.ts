/** Thrown when a call of the store fails; whether it wrote is unknown. The cause is the call's error. */
export class StoreFailure extends Error {
  override readonly name = "StoreFailure";

  constructor(cause: unknown) {
    super("the store failed", { cause });
  }
}
