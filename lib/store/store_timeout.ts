/** Thrown when the store does not respond in time; whether it wrote is unknown. */
export class StoreTimeout extends Error {
  override readonly name = "StoreTimeout";

  /** @param ms the time it had */
  constructor(ms: number) {
    super(`the store did not respond within ${ms} ms`);
  }
}
