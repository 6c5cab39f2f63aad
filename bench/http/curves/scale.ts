/** How values of an axis are placed: evenly, or by their logarithm. */
export type ScaleKind = "linear" | "log";

/** From a value of an axis to its place in the picture. */
export type Scale = (value: number) => number;

type Range = readonly [from: number, to: number];

/**
 * Places the values of a domain in a range of the picture.
 * @throws {RangeError} for a logarithm of 0 or less
 */
export function scale(kind: ScaleKind, domain: Range, range: Range): Scale {
  if (kind === "log" && !(domain[0] > 0)) {
    throw new RangeError(`a logarithmic axis begins above 0; got ${domain[0]}`);
  }
  const of = kind === "log" ? Math.log10 : (value: number) => value;
  const [low, high] = [of(domain[0]), of(domain[1])];
  const length = high === low ? 1 : high - low; // one value only: at the begin
  return (value) => range[0] + (of(value) - low) / length * (range[1] - range[0]);
}

/** Round values of an axis that hold all of the given ones, to label and to begin and end with. */
export function ticks(kind: ScaleKind, values: readonly number[]): number[] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return kind === "log" ? decades(least, most) : evenly(most);
}

/** 0 and up, in four to eight steps of 1, 2 or 5 times a power of ten. */
function evenly(most: number): number[] {
  const power = 10 ** Math.floor(Math.log10(most / 4));
  const step = [1, 2, 5].map((factor) => factor * power).findLast((step) => most / step >= 4) ??
    power;
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => rounded(index * step));
}

/** Powers of ten; with 2 and 5 times each where there would be few. */
function decades(least: number, most: number): number[] {
  const [first, last] = [Math.floor(Math.log10(least)), Math.floor(Math.log10(most))];
  const factors = last - first < 3 ? [1, 2, 5] : [1];
  const all: number[] = [];
  for (let power = first; power <= last + 1; power++) {
    for (const factor of factors) all.push(rounded(factor * 10 ** power));
  }
  const begin = all.findLastIndex((tick) => tick <= least);
  const end = all.findIndex((tick) => tick >= most);
  return all.slice(Math.max(0, begin), end + 1);
}

/** Without the last bits that sums and powers get wrong. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}
