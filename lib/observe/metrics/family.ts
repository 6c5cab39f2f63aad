import { labelText } from "./label_text.ts";
import type { MetricFacts } from "./metric_table.ts";

/** A metric's values for one combination of labels. */
export interface Series<S> {
  /** The values of the labels. */
  readonly values: readonly string[];
  /** The labels as the exposition writes them, without braces; empty if there are none. */
  readonly text: string;
  readonly state: S;
}

/** The series under one value of a label, or the one of the last label's value. */
interface Node<S> {
  readonly next: Map<string, Node<S>>;
  series: Series<S> | undefined;
}

/** The value of every label of the series in which all further ones are counted. */
export const OTHER = "other";

/**
 * The series of one metric. A series is made when it is first seen; once there are `max` of them, all
 * further ones are counted in one series, `other`. So a config with 10,000 routes, or an upstream with
 * hundreds of statuses, takes bounded memory, and totals stay right.
 *
 * The series are found through a map per label: no key has to be composed for a lookup.
 */
export class Family<S> {
  readonly #facts: MetricFacts;
  readonly #make: (values: readonly string[]) => S;
  readonly #max: number;
  readonly #onFold: () => void;
  readonly #root: Node<S> = { next: new Map(), series: undefined };
  readonly #all: Series<S>[] = [];
  #other: Series<S> | undefined;

  /**
   * @param make makes the state of a new series
   * @param max the number of series
   * @param onFold called for each lookup that ends in `other`
   */
  constructor(
    facts: MetricFacts,
    make: (values: readonly string[]) => S,
    max: number,
    onFold: () => void,
  ) {
    this.#facts = facts;
    this.#make = make;
    this.#max = max;
    this.#onFold = onFold;
  }

  /** All series, in the order in which they were made. */
  get series(): readonly Series<S>[] {
    return this.#all;
  }

  /** Returns the state of a series, made if it is new. */
  at(values: readonly string[]): S {
    let node: Node<S> | undefined = this.#root;
    for (const value of values) {
      node = node.next.get(value);
      if (node === undefined) break;
    }
    return node?.series?.state ?? this.#new(values);
  }

  #new(values: readonly string[]): S {
    if (this.#all.length >= this.#max) {
      this.#onFold();
      this.#other ??= this.#add(values.map(() => OTHER));
      return this.#other.state;
    }
    let node = this.#root;
    for (const value of values) {
      const next: Node<S> = node.next.get(value) ?? { next: new Map(), series: undefined };
      node.next.set(value, next);
      node = next;
    }
    node.series = this.#add([...values]);
    return node.series.state;
  }

  #add(values: readonly string[]): Series<S> {
    const series = {
      values,
      text: labelText(this.#facts.labels, values),
      state: this.#make(values),
    };
    this.#all.push(series);
    return series;
  }
}
