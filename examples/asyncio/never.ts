import type { Source } from "sluice";

/** A source that answers nobody; it tells how many still ask it. */
export class Never {
  asking = 0;

  readonly source: Source = async (_call, { signal }) => {
    this.asking++;
    try {
      return await new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    } finally {
      this.asking--;
    }
  };
}
