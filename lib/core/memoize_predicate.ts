/** Further texts, and longer ones, are tested each time: clients may choose them. */
const [MAX_KNOWN, MAX_LENGTH] = [1_000, 64];

/** Memoizes a predicate for the texts that come first. */
export function memoizePredicate(test: (text: string) => boolean): (text: string) => boolean {
  const known = new Map<string, boolean>();
  return (text) => {
    let result = known.get(text);
    if (result === undefined) {
      result = test(text);
      if (known.size < MAX_KNOWN && text.length <= MAX_LENGTH) known.set(text, result);
    }
    return result;
  };
}
