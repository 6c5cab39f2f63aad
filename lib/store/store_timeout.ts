/** The store did not respond in time; what it did is unknown. */
export class StoreTimeout extends Error {
  override readonly name = "StoreTimeout";

  /** @param ms the time it had */
  constructor(ms: number) {
    super(`the store did not respond within ${ms} ms`);
  }
}
