/** Thrown when the store's circuit is open; the call was not made. */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";

  constructor() {
    super("the store is unavailable; the call was not made");
  }
}
