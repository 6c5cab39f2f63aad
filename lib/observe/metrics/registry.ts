import {
  EXPOSITION_END,
  type ExpositionFormat,
  type Sample,
  writeHead,
  writeSample,
} from "./exposition.ts";
import { Family } from "./family.ts";
import { Histogram } from "./histogram.ts";
import { labelText } from "./label_text.ts";
import { METRIC_NAMES, type MetricName, METRICS } from "./metric_table.ts";

/** Sets the value of a gauge, or of a counter that counts elsewhere. */
export type SetFigure = (name: MetricName, labels: readonly string[], value: number) => void;

/** Tells figures that are read when someone asks for them, such as the length of a queue. */
export type ReadFigures = (set: SetFigure) => void;

/** Options of {@linkcode Registry}. */
export interface RegistryOptions {
  /** Maximum series of each metric (default 2,000). */
  readonly maxSeries?: number;
  /** Returns what also records the values of one series of a histogram (default: nothing). */
  readonly mirror?: (
    name: MetricName,
    values: readonly string[],
  ) => ((seconds: number) => void) | undefined;
}

/** A value that is counted. */
export interface Count {
  value: number;
}

/** A value that was read. */
export interface Figure {
  readonly labels: readonly string[];
  readonly value: number;
}

const MAX_SERIES = 2_000;
/** Series that are written before the event loop has a turn: about 5 ms. */
const SERIES_PER_TURN = 200;

/** The metrics of a process: what is counted, and who tells what is read at each scrape. */
export class Registry {
  /** Who tells figures; where two tell the same one, the later counts. */
  readonly readers: Set<ReadFigures> = new Set();
  readonly #options: RegistryOptions;
  readonly #histograms = new Map<MetricName, Family<Histogram>>();
  readonly #counts = new Map<MetricName, Family<Count>>();
  readonly #folded = new Map<MetricName, number>();

  constructor(options: RegistryOptions = {}) {
    this.#options = options;
  }

  /** Adds a histogram. */
  histogram(name: MetricName): Family<Histogram> {
    const { mirror } = this.#options;
    const family = this.#family(name, (values) => new Histogram(mirror?.(name, values)));
    this.#histograms.set(name, family);
    return family;
  }

  /** Adds a counter, or a gauge that goes up and down. */
  count(name: MetricName): Family<Count> {
    const family = this.#family(name, () => ({ value: 0 }));
    this.#counts.set(name, family);
    return family;
  }

  /** Reads all that is no histogram. */
  read(): ReadonlyMap<MetricName, readonly Figure[]> {
    const figures = new Map<MetricName, Map<string, Figure>>();
    const set: SetFigure = (name, labels, value) => {
      const ofName = figures.get(name) ?? new Map<string, Figure>();
      figures.set(name, ofName);
      ofName.set(labels.join("\0"), { labels, value });
    };
    for (const [name, { series }] of this.#counts) {
      for (const { values, state } of series) set(name, values, state.value);
    }
    for (const read of this.readers) read(set);
    for (const [name, count] of this.#folded) set("sluice_metrics_folded_total", [name], count);
    return new Map([...figures].map(([name, ofName]) => [name, [...ofName.values()]]));
  }

  /** Writes the exposition. It yields to the event loop, however many series there are. */
  async write(format: ExpositionFormat): Promise<string> {
    const figures = this.read();
    const chunks: string[] = [];
    let written = 0;
    for (const name of METRIC_NAMES) {
      const samples = this.#samples(name, figures.get(name) ?? []);
      if (samples.length === 0) continue;
      chunks.push(writeHead(name, METRICS[name], format));
      for (const sample of samples) {
        chunks.push(writeSample(name, sample, format));
        if (++written % SERIES_PER_TURN === 0) await turn();
      }
    }
    return chunks.join("") + EXPOSITION_END[format];
  }

  #samples(name: MetricName, figures: readonly Figure[]): readonly Sample[] {
    const { series = [] } = this.#histograms.get(name) ?? {};
    const histograms = series.map(({ text, state }): Sample => ({ text, value: state }));
    if (histograms.length > 0) return histograms;
    return figures.map(({ labels, value }) => ({
      text: labelText(METRICS[name].labels, labels),
      value,
    }));
  }

  #family<S>(name: MetricName, make: (values: readonly string[]) => S): Family<S> {
    const { maxSeries = MAX_SERIES } = this.#options;
    const onFold = () => this.#folded.set(name, (this.#folded.get(name) ?? 0) + 1);
    return new Family(METRICS[name], make, maxSeries, onFold);
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
