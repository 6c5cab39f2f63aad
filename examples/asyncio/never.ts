import type { Source } from "sluice";

/** A source that never responds; it counts the calls that still run. */
export class Never {
  running = 0;

  readonly source: Source = async (_call, { signal }) => {
    this.running++;
    try {
      return await new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    } finally {
      this.running--;
    }
  };
}
