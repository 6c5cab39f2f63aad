/**
 * Returns the names in a Headers that pass a test, in lower case. `forEach` takes a tenth of the
 * time of Deno's iterators.
 */
export function headerNames(headers: Headers, test: (name: string) => boolean): string[] {
  const names: string[] = [];
  headers.forEach((_value, name) => {
    if (test(name)) names.push(name);
  });
  return names;
}
