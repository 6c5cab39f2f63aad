/** A call of the store failed: what it did is unknown. The cause is what the call was rejected with. */
export class StoreFailure extends Error {
  override readonly name = "StoreFailure";

  constructor(cause: unknown) {
    super("the store failed", { cause });
  }
}
